#!/bin/sh
# The rest of a machine for faults, inside of tests/bundle/offline_machine.sh, for one command:
#   unshare ... tests/bundle/offline_machine.sh FOLDER tests/faults/machine.sh FOLDER COMMAND...
# Whatever the kit writes to /tmp, to /etc/docker or into the control groups of containers lies where it can be compared.
set -eu
folder=$1
shift
mkdir -p "$folder/tmp" "$folder/etc-docker" /etc/docker
chmod 1777 "$folder/tmp"
echo '{"cgroup-parent": "/labkit-faults"}' > "$folder/etc-docker/daemon.json"
mount --bind "$folder/etc-docker" /etc/docker
mount --bind "$folder/tmp" /tmp
"$@"

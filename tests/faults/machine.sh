#!/bin/sh
# The rest of a machine for faults, inside of tests/bundle/offline_machine.sh, for one command:
#   unshare ... tests/bundle/offline_machine.sh FOLDER tests/faults/machine.sh FOLDER COMMAND...
# Whatever the kit writes to /tmp, to /etc/docker or into the control groups of containers lies where it can be compared.
set -eu
folder=$1
shift
mkdir -p "$folder/tmp" "$folder/etc-docker" /etc/docker
chmod 1777 "$folder/tmp"
# A disk of the engine's own can be filled without filling this machine's.
if [ -f "$folder/engine.img" ]; then
    mkfs.ext4 -q -F -m 0 "$folder/engine.img"
    mount -o loop "$folder/engine.img" /var/lib/docker
fi
printf '{"cgroup-parent": "/labkit-faults-%s"}' "${folder##*/}" > "$folder/etc-docker/daemon.json"
mount --bind "$folder/etc-docker" /etc/docker
# What the tests need of this machine's /tmp, such as a checkout there, is seen in the other one too.
printf '%s\n' "${LABKIT_FAULTS_SEEN:-}" | while IFS= read -r place; do
    [ -n "$place" ] || continue
    mkdir -p "$folder$place"
    mount --rbind "$place" "$folder$place"
done
mount --rbind "$folder/tmp" /tmp
"$@"

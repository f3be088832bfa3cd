#!/bin/sh
# A machine with nothing on it and no network, for one command: begun by
#   unshare --net --mount --pid --fork --mount-proc --kill-child tests/bundle/offline_machine.sh FOLDER COMMAND...
# It sees this machine's programs, but no engine, no image and no home folder: these lie in FOLDER, whose
# class/ has a bundle that cannot be written. Its only network is loopback. What runs in it ends with it, and its mounts go.
set -eu
folder=$1
shift
mkdir -p "$folder/engine" "$folder/log" "$folder/home"
# What is mounted already is the other machine's, which removes it when it likes, from here, too.
cat /proc/self/mountinfo > "$folder/inherited-mounts"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/cgroup
# /sys/class/net is the one of the network namespace in which sysfs was mounted.
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --rbind /run/cgroup /sys/fs/cgroup
mkdir -p /var/lib/docker
mount --bind "$folder/engine" /var/lib/docker
mount --bind "$folder/log" /var/log
for file in "$folder"/class/labkit-bundle*; do
    mount --bind "$file" "$file"
    mount -o remount,bind,ro "$file"
done
ip link set lo up
[ -z "$(ip route)" ]
unset DOCKER_HOST DOCKER_CONTEXT XDG_CACHE_HOME XDG_STATE_HOME XDG_DATA_HOME XDG_CONFIG_HOME
export HOME="$folder/home"
"$@"

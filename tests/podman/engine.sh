#!/bin/sh
# The engine of tests/podman/machine.sh, in a mount namespace of its own whose root is the Debian tree: in a chroot the
# kernel refuses user namespaces (user_namespaces(7)).
set -eu
tree=$1 user=$2
mount --bind "$tree" "$tree"
for folder in proc sys dev; do
    mount --rbind "/$folder" "$tree/$folder"
done
mount -t tmpfs -o mode=1777 tmpfs "$tree/dev/shm"
# Root's alone on some machines, and rootless containers have no network without it.
if [ -e "$tree/dev/net/tun" ]; then
    mount --bind "$tree/root/tun" "$tree/dev/net/tun"
fi
mkdir -p "$tree/run/user/1000"
chown 1000:1000 "$tree/run/user/1000"
cd "$tree"
mkdir -p .old
pivot_root . .old
umount -l /.old
exec "/usr/local/bin/podman-of-$user" system service --time 0

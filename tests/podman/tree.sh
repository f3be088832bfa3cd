#!/bin/sh
# A Debian 13 with podman, and with a user ada for its rootless half, in FILE, a tar archive, from the mirror MIRROR.
# As a hook of mmdebstrap's, with the system's folder alone, it adds what is the test's own.
set -eu
if [ $# -eq 2 ]; then
    packages=podman,runc,crun,uidmap,netavark,aardvark-dns,nftables,iptables,passt,iproute2,procps
    mmdebstrap --variant=minbase --include="$packages" --customize-hook="$0" trixie "$1.partial.tar" "$2"
    mv "$1.partial.tar" "$1"
    exit
fi
tree=$1
chroot "$tree" useradd --create-home --uid 1000 ada
echo ada:100000:65536 | tee "$tree/etc/subuid" > "$tree/etc/subgid"
mknod -m 666 "$tree/root/tun" c 10 200
# kind mounts the folder of the kernel's modules, which some machines have none of.
mkdir -p "$tree/etc/containers" "$tree/usr/lib/modules"
# The limits are within those of a machine without CAP_SYS_RESOURCE; crun refuses hybrid control groups.
cat > "$tree/etc/containers/containers.conf" << 'END'
[containers]
default_ulimits = ["nofile=1024:20000", "nproc=65535:65535"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
END
cat > "$tree/etc/containers/storage.conf" << 'END'
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
END
cat > "$tree/usr/local/bin/podman-of-root" << 'END'
#!/bin/sh
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PODMAN_IGNORE_CGROUPSV1_WARNING=1 podman "$@"
END
cat > "$tree/usr/local/bin/podman-of-ada" << 'END'
#!/bin/sh
cd /home/ada
exec setpriv --reuid=1000 --regid=1000 --clear-groups env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/home/ada \
    XDG_RUNTIME_DIR=/run/user/1000 PODMAN_IGNORE_CGROUPSV1_WARNING=1 podman "$@"
END
chmod 755 "$tree/usr/local/bin/podman-of-root" "$tree/usr/local/bin/podman-of-ada"
rm -rf "$tree/var/cache/apt/archives" "$tree/var/lib/apt/lists" "$tree/usr/share/doc" "$tree/usr/share/man" "$tree/usr/share/locale"

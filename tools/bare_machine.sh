#!/bin/sh
# A bare Debian machine in a folder, beside this one: a root file system of its own, with an engine, a home and caches
# that do not exist yet, and a network of its own behind this machine's. For root, on Debian, with mmdebstrap and Go.
#
#   tools/bare_machine.sh make FOLDER             make it; a minute
#   tools/bare_machine.sh run FOLDER COMMAND...   run a command in it, in its checkout; all that it starts ends with it
#   tools/bare_machine.sh remove FOLDER           remove all of it, also after a crash
#
# It has what a Debian server has (apt, make, Python, certificates), and Go, which the kit adds nowhere. Nothing of
# this machine's is written to. Exit status: that of the command; 3 where this machine lacks something.
set -eu
verb=${1-} folder=${2-}
[ -n "$folder" ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit 2; }
shift 2
name=labkit-bare
network=198.18.253

lacks() {
    printf 'bare machine: %s\n' "$*" >&2
    exit 3
}

make_machine() {
    [ "$(id -u)" = 0 ] || lacks "only root can make one"
    for program in mmdebstrap go ip iptables unshare pivot_root git; do
        command -v "$program" > /dev/null || lacks "there is no $program here"
    done
    mkdir -p "$folder"
    [ ! -e "$folder/root" ] || lacks "$folder/root is there already; remove it first: $0 remove $folder"
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
        grep -v -- '-security/*$' | head -n 1)
    mmdebstrap --quiet --variant=minbase --include=make,python3,ca-certificates,iproute2,procps,curl \
        "$release" "$folder/root" "$mirror"
    # The registries of packages are asked as this machine asks them.
    cp /etc/resolv.conf "$folder/root/etc/resolv.conf"
    cp /etc/ssl/certs/ca-certificates.crt "$folder/root/etc/ssl/certs/ca-certificates.crt"
    [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$folder/root/etc/pip.conf"
    mkdir -p "$folder/root/usr/local/go" "$folder/root/root/checkout" "$folder/root/mnt/before"
    cd "$(dirname "$0")/.."
    git ls-files -z --cached --others --exclude-standard |
        tar --create --null --files-from=- --ignore-failed-read 2> /dev/null |
        tar --extract --directory="$folder/root/root/checkout"
    make_network
}

make_network() {
    ip netns add "$name"
    ip link add "$name" type veth peer name eth0 netns "$name"
    # As far as this machine's own way out lets packets through.
    out=$(ip -o route get 192.0.2.99 | sed -n 's/.* dev \([^ ]*\).*/\1/p')
    mtu=$(cat "/sys/class/net/$out/mtu")
    ip addr add "$network.1/30" dev "$name"
    ip link set "$name" mtu "$mtu" up
    ip -n "$name" link set lo up
    ip -n "$name" addr add "$network.2/30" dev eth0
    ip -n "$name" link set eth0 mtu "$mtu" up
    ip -n "$name" route add default via "$network.1"
    iptables -t nat -I POSTROUTING -s "$network.2/32" -j MASQUERADE
    iptables -I FORWARD -i "$name" -j ACCEPT
    iptables -I FORWARD -o "$name" -j ACCEPT
}

run_machine() {
    # What this machine's environment says of registries of packages holds there, too.
    settings=$(env | grep -E '^(PIP_CERT|PIP_INDEX_URL|PIP_DEFAULT_TIMEOUT|GOPROXY|GOSUMDB|GONOSUMDB|SSL_CERT_FILE|[A-Za-z]+_(proxy|PROXY))=' || true)
    # shellcheck disable=SC2086  # the settings are words
    exec nsenter "--net=/run/netns/$name" unshare --mount --pid --fork --kill-child --uts \
        env -i PATH="$PATH" $settings sh -eu "$0" inside "$folder" "$(go env GOROOT)" "$@"
}

inside() {
    root=$folder/root go=$1
    shift
    hostname bare
    mount --bind "$root" "$root"
    mount --bind "$go" "$root/usr/local/go"
    mount -o remount,bind,ro "$root/usr/local/go"
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    # /sys/class/net is the one of the network namespace in which sysfs was mounted.
    mount -t sysfs sysfs "$root/sys"
    mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mkdir -p "$root/run/lock"
    cd "$root"
    pivot_root . mnt/before
    umount -l /mnt/before
    cd /root/checkout
    export HOME=/root LANG=C.UTF-8 PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    "$@"
}

remove_machine() {
    for process in $(ip netns pids "$name" 2> /dev/null); do kill -9 "$process" 2> /dev/null || true; done
    # Control groups of its containers; this machine's own engine has others.
    for container in "$folder"/root/var/lib/docker/containers/*; do
        [ -d "$container" ] || continue
        find /sys/fs/cgroup -depth -type d -path "*/docker/${container##*/}*" -exec rmdir {} + 2> /dev/null || true
    done
    ip netns del "$name" 2> /dev/null || true
    ip link del "$name" 2> /dev/null || true
    iptables -t nat -D POSTROUTING -s "$network.2/32" -j MASQUERADE 2> /dev/null || true
    iptables -D FORWARD -i "$name" -j ACCEPT 2> /dev/null || true
    iptables -D FORWARD -o "$name" -j ACCEPT 2> /dev/null || true
    # Only what this script has made; mounts end with their namespace.
    ! grep -q " $folder/root" /proc/self/mountinfo || lacks "something is mounted below $folder/root; look: grep $folder /proc/self/mountinfo"
    rm -rf --one-file-system "$folder/root"
    rmdir "$folder" 2> /dev/null || true
}

case $verb in
    make) make_machine ;;
    run) run_machine "$@" ;;
    inside) inside "$@" ;;
    remove) remove_machine ;;
    *) lacks "there is no '$verb'; say make, run or remove" ;;
esac

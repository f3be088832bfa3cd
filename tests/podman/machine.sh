#!/bin/sh
# A machine beside this one with podman of Debian 13 as its engine, for one command: begun by
#   unshare --net --mount --pid --fork --mount-proc --kill-child tests/podman/machine.sh FOLDER USER COMMAND...
# FOLDER/tree is a Debian system with podman (tests/podman/tree.sh); USER is root or ada. The command sees this machine's
# files, the engine's socket in DOCKER_HOST and a `podman` on PATH; its only network is loopback and the engine's own.
# With the namespaces go the engine, its mounts, netavark's rules and libpod's locks in /dev/shm.
set -eu
folder=$1 user=$2
shift 2
tree=$folder/tree
ip link set lo up
# An address of version 6 that is still looked for elsewhere cannot be listened on: aardvark-dns once came too early.
for kind in all default; do
    [ ! -w "/proc/sys/net/ipv6/conf/$kind/accept_dad" ] || echo 0 > "/proc/sys/net/ipv6/conf/$kind/accept_dad"
done
rm -rf "$tree/run/podman" "$tree/run/user"
unshare --mount "$(dirname "$0")/engine.sh" "$tree" "$user" > "$folder/engine.log" 2>&1 &
engine=$!
case $user in
    root) socket=$tree/run/podman/podman.sock ;;
    *) socket=$tree/run/user/1000/podman/podman.sock ;;
esac
mkdir -p "$folder/bin"
# As on a real machine the command works on the engine's files itself. Only a build reads those of whoever types, which
# cannot be seen from the tree: there the tree's program runs in this machine's file system, and sends them.
libraries=$(echo "$tree"/usr/lib/*-linux-gnu)
cat > "$folder/bin/podman" << END
#!/bin/sh
[ "\$1" = build ] || exec nsenter --target $engine --mount /usr/local/bin/podman-of-$user "\$@"
exec "$(echo "$libraries"/ld-linux-*.so.*)" --library-path "$libraries" "$tree/usr/bin/podman" --url "unix://$socket" "\$@"
END
chmod +x "$folder/bin/podman"
tries=0
until [ -S "$socket" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$engine"; then
        cat "$folder/engine.log" >&2
        exit 1
    fi
    sleep 0.1
done
unset DOCKER_CONTEXT CONTAINER_HOST CONTAINER_CONNECTION
export DOCKER_HOST="unix://$socket" PATH="$folder/bin:$PATH"
status=0
"$@" || status=$?
# Before the namespaces go, so that no container's process outlives its shim for long.
"$folder/bin/podman" rm --all --force --time 0 > /dev/null 2>&1 || true
exit "$status"

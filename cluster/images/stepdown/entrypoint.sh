#!/bin/sh
# What docker-library's entrypoints do with gosu: prepare as root, then go on as somebody else for good.
set -eu
if [ "$(id -u)" = 0 ]; then
    mkdir -p /var/lib/db
    chown db:db /var/lib/db
    exec setpriv --reuid=db --regid=db --clear-groups -- "$@"
fi
exec "$@"

#!/bin/sh
# Makes sure that build/site-env holds what builds the site: requirements-site.lock, every file checked by its hash.
#
# It is an environment of its own, so that the lab's stays small. A stamp, written last, says which lock it was made
# from; an interrupted installation is begun again.
# Exit status: 0 build/site-env is up to date, 1 it could not be made.
set -eu
cd "$(dirname "$0")/../.."
place=build/site-env
stamp=$place/labkit-packages

# The place counts too: scripts in an environment hold its path.
key="$(cksum < requirements-site.lock) $(pwd -P)"
if [ -x "$place/bin/python" ] && [ -r "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; then
    exit 0
fi

printf 'site: making %s from requirements-site.lock\n' "$place" >&2
rm -rf "$place"
mkdir -p build
.venv/bin/python -m venv "$place"
"$place/bin/python" -m pip install --quiet --require-hashes --no-deps --only-binary :all: --no-compile \
    --requirement requirements-site.lock
printf '%s\n' "$key" > "$stamp.new"
mv "$stamp.new" "$stamp"

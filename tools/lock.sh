#!/bin/sh
# Makes requirements.lock (the lab), requirements-site.lock (what builds the site), tools/audit.lock (make audit) and the
# locks of a class's images anew from pyproject.toml: every package that any system or Python needs, with its hashes.
#
# Usage: tools/lock.sh [--upgrade]
#   Versions that still fit are kept; --upgrade takes the newest of everything.
# uv does the work, from a throw-away environment that holds what tools/uv.lock pins.
set -eu
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

.venv/bin/python -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --require-hashes --no-deps --only-binary :all: \
    --requirement tools/uv.lock

# uv does not read pip's settings; where packages come from is pip's to say.
pip_setting() { .venv/bin/python -m pip config get "global.$1" 2> /dev/null || true; }
if [ -z "${UV_DEFAULT_INDEX-}" ]; then
    index=${PIP_INDEX_URL:-$(pip_setting index-url)}
    if [ -n "$index" ]; then
        export UV_DEFAULT_INDEX="$index"
    fi
fi

# What builds the project is no dependency of it, and still has to come from the lock.
.venv/bin/python -c '
import tomllib
with open("pyproject.toml", "rb") as file:
    print("\n".join(tomllib.load(file)["build-system"]["requires"]))
' > "$scratch/build-system.in"

# lock FILE ARGUMENTS...: what uv makes of the arguments, with FILE's versions where they still fit.
lock() {
    file=$1
    shift
    "$scratch/venv/bin/uv" pip compile --quiet --universal --python-version "$python" --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file "$file" "$@"
    { echo '# Made from pyproject.toml by tools/lock.sh (make lock); not edited by hand.' && cat "$file"; } > "$scratch/lock"
    cp "$scratch/lock" "$file"
}

python=3.11
lock requirements.lock --all-extras "$@" pyproject.toml "$scratch/build-system.in"
lock requirements-site.lock --group site "$@"
lock tools/audit.lock --group audit "$@"
# What a class's images run is of the lab's versions; they have Debian trixie's Python.
python=3.13
lock cluster/class/hub/requirements.lock --constraint requirements.lock "$@" cluster/class/hub/requirements.in
lock cluster/class/participant/requirements.lock --constraint requirements.lock --extra lab "$@" \
    pyproject.toml cluster/class/participant/requirements.in

#!/bin/sh
# Makes sure that .venv holds what the kit needs, and the kit itself, editable.
#
# Where conda, mamba or micromamba is at hand, .venv is made from environment.yml;
# elsewhere it is a virtual environment made from requirements.lock, every file checked by its hash.
# A stamp in .venv says what it was made from. It is written last, so an interrupted
# installation is begun again, and a changed lock replaces .venv.
#
# Reads:  LABKIT_PYTHON      the Python to make .venv with; conda is then left alone
#         LABKIT_BUNDLE      a bundle (labkit bundle save) whose packages are tried before pip's index; without it a
#                            file labkit-bundle* in the checkout or beside it
#         LABKIT_OS_RELEASE  where to read which system this is (/etc/os-release)
#         LABKIT_COMPILE_FOR the make that brings a lab up after this: while packages are fetched, Kubernetes is
#                            compiled beside it, for as long as that process is there
# Exit status: 0 .venv is up to date, 1 it could not be made, 3 this machine lacks something.
set -eu
cd "$(dirname "$0")/.."
checkout=$(pwd -P)
packages_stamp=.venv/labkit-packages
project_stamp=.venv/labkit-project

say() { printf 'labkit: %s\n' "$*" >&2; }

checksum() { cksum < "$1"; }

# What .venv was made from: how it was made, and that list; the place counts too, as scripts in .venv hold its path.
packages_key() {
    case $1 in
        conda) printf '%s %s %s\n' "$1" "$(checksum environment.yml)" "$checkout" ;;
        *) printf '%s %s %s\n' "$1" "$(checksum requirements.lock)" "$checkout" ;;
    esac
}

packages_are_there() {
    [ -x .venv/bin/python ] && [ -r "$packages_stamp" ] || return 1
    { read -r key && read -r python; } < "$packages_stamp" || return 1
    [ "$key" = "$(packages_key "${key%% *}")" ] || return 1
    [ -z "${LABKIT_PYTHON-}" ] || [ "$LABKIT_PYTHON" = "$python" ]
}

project_is_there() {
    [ -x .venv/bin/labkit ] && [ -r "$project_stamp" ] && [ "$(cat "$project_stamp")" = "$(checksum pyproject.toml)" ]
}

# A stamp appears whole or not at all.
write_stamp() {
    cat > "$1.new"
    mv "$1.new" "$1"
}

find_conda() {
    [ -z "${LABKIT_PYTHON-}" ] || return 1
    for tool in mamba micromamba conda "${MAMBA_EXE-}" "${CONDA_EXE-}"; do
        if [ -n "$tool" ] && command -v "$tool" > /dev/null 2>&1; then
            printf '%s\n' "$tool"
            return 0
        fi
    done
    return 1
}

# 0: this Python can make .venv. 3: it is new enough, but the part that makes virtual environments is missing.
# Running it is the only test that holds: a version manager leaves shims that exist and do not run.
try_python() {
    "$1" -c '
import sys
if sys.version_info < (3, 11):
    sys.exit(2)
try:
    import ensurepip, venv
except ImportError:
    sys.exit(3)
' < /dev/null > /dev/null 2>&1
}

# Sets $python; or else $incomplete where a Python lacks only the venv module.
find_python() {
    python='' incomplete=''
    for candidate in ${LABKIT_PYTHON:-python3.13 python3.12 python3.11 python3}; do
        status=0
        try_python "$candidate" || status=$?
        case $status in
            0) python=$candidate && return 0 ;;
            3) incomplete=${incomplete:-$candidate} ;;
        esac
    done
    return 1
}

# The Debian packages that supply what find_python did not find.
python_packages() {
    if [ -n "$incomplete" ]; then
        "$incomplete" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
    else
        echo python3-venv
    fi
}

# Only on Debian, as root, and where no Python of the user's own choice was asked for.
may_add_software() {
    [ -z "${LABKIT_PYTHON-}" ] && [ "$(id -u)" = 0 ] &&
        grep -q '^ID=debian$' "${LABKIT_OS_RELEASE:-/etc/os-release}" 2> /dev/null
}

# Run a command with the name of a bundle behind it, for each that there is until it succeeds.
from_bundle() {
    for file in "${LABKIT_BUNDLE-}" labkit-bundle* ../labkit-bundle*; do
        if [ -f "$file" ] && "$@" "$file"; then return 0; fi
        [ -z "${LABKIT_BUNDLE-}" ] || return 1
    done
    return 1
}

add_python() {
    packages=$(python_packages)
    if [ -n "$incomplete" ] && from_bundle "$incomplete" -S tools/bundle_wheels.py --install "$packages"; then
        return 0
    fi
    say "adding $packages from Debian"
    export DEBIAN_FRONTEND=noninteractive
    # A list that cannot be renewed may still serve; the installation itself decides.
    apt-get -qq update >&2 || true
    apt-get -qq install --yes --no-install-recommends "$packages" < /dev/null >&2
}

lacks_python() {
    if [ -n "${LABKIT_PYTHON-}" ]; then
        say "LABKIT_PYTHON is '$LABKIT_PYTHON', which is not a Python 3.11 or newer with venv and ensurepip;" \
            "leave it out, or name another: make LABKIT_PYTHON=/path/to/python3.12 environment"
    elif command -v apt-get > /dev/null 2>&1; then
        say "this machine lacks Python 3.11 or newer with venv; add it with:" \
            "sudo apt-get install $(python_packages)"
    elif command -v dnf > /dev/null 2>&1; then
        say "this machine lacks Python 3.11 or newer; add it with: sudo dnf install python3.12"
    elif command -v brew > /dev/null 2>&1; then
        say "this machine lacks Python 3.11 or newer; add it with: brew install python@3.13"
    else
        say "this machine lacks Python 3.11 or newer with venv; install one, then name it:" \
            "make LABKIT_PYTHON=/path/to/python3.12 environment"
    fi
    exit 3
}

failed() {
    say "$*"
    exit 1
}

make_with_conda() {
    say "making .venv from environment.yml with $1 (some minutes)"
    case ${1##*/} in
        micromamba) set -- "$1" create --yes ;;
        *) set -- "$1" env create ;;
    esac
    rm -rf .venv
    CONDA_ALWAYS_YES=true MAMBA_ALWAYS_YES=true \
        "$@" --prefix "$checkout/.venv" --file environment.yml < /dev/null >&2 ||
        failed "'$1' could not make .venv, for the reason above; without conda: make LABKIT_PYTHON=python3 environment"
    how=conda
}

# From a bundle, no index is asked; where it has none that fit, pip looks where it always does.
install_packages() {
    if from_bundle .venv/bin/python tools/bundle_wheels.py .venv/wheels; then
        if PIP_NO_INDEX=1 PIP_FIND_LINKS=.venv/wheels pip_install; then
            rm -rf .venv/wheels
            return 0
        fi
        say "the bundle's packages are not those of requirements.lock; they are fetched instead"
        rm -rf .venv/wheels
    fi
    pip_install
}

# The lock is complete, so pip resolves nothing; what a source distribution needs to be built is in no lock, so none
# is taken; and bytecode is made when a module is first imported, which is seldom for most of them.
pip_install() {
    .venv/bin/python -m pip install --quiet --require-hashes --no-deps --only-binary :all: --no-compile \
        --requirement requirements.lock < /dev/null >&2
}

# What takes longest needs Go and a Python without packages; a bundle has it. `labkit up` goes on with it.
begin_compiling() {
    [ -n "${LABKIT_COMPILE_FOR-}" ] && command -v go > /dev/null 2>&1 || return 0
    ! from_bundle true || return 0
    # It must not hold the lock below, nor the pipe that make may write to.
    PYTHONPATH=$checkout "$1" -B -S -m labkit.lab.bringup.early_compile "$LABKIT_COMPILE_FOR" \
        < /dev/null > /dev/null 2>&1 9>&- &
    LABKIT_COMPILE_FOR=''
}

make_with_venv() {
    if ! find_python; then
        [ -z "$incomplete" ] || begin_compiling "$incomplete"
        if may_add_software; then
            add_python || lacks_python
        fi
        find_python || lacks_python
    fi
    begin_compiling "$python"
    say "making .venv from requirements.lock with $("$python" --version) (about half a minute)"
    rm -rf .venv
    "$python" -m venv .venv >&2 || failed "'$python -m venv .venv' failed, for the reason above"
    install_packages ||
        failed "pip could not install requirements.lock, for the reason above;" \
            "pip's own settings say where it looks: .venv/bin/python -m pip config list;" \
            "if that is right, the network may be gone, or answer with a login page: open any page in a browser," \
            "then type the same again"
    .venv/bin/python -m pip check --quiet < /dev/null >&2 ||
        failed "the packages in requirements.lock do not fit together, for the reason above; try: make lock"
    how=venv
}

add_project() {
    .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable . < /dev/null >&2 ||
        failed "pip could not install the project itself, for the reason above"
    checksum pyproject.toml | write_stamp "$project_stamp"
}

if packages_are_there && project_is_there; then
    exit 0
fi

# An activated .venv must not serve to make its own successor, nor may packages of the user's own mix in.
PATH=$(printf '%s\n' "$PATH" | tr ':' '\n' | grep -vxF -e "$checkout/.venv/bin" -e "$PWD/.venv/bin" | paste -sd ':' -)
export PATH PYTHONNOUSERSITE=1 PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1
unset PYTHONHOME PYTHONPATH

# Two at once would undo each other's work; the second waits and then finds everything done.
if command -v flock > /dev/null 2>&1; then
    exec 9> .venv.lock
    flock 9
fi

started=$(date +%s)
if ! packages_are_there; then
    if conda=$(find_conda); then
        make_with_conda "$conda"
    else
        make_with_venv
    fi
    { packages_key "$how" && printf '%s\n' "${LABKIT_PYTHON-}"; } | write_stamp "$packages_stamp"
fi
project_is_there || add_project
say "the environment is ready in .venv ($(($(date +%s) - started)) s)"

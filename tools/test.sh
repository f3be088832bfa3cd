#!/bin/sh
# Runs the named stages of the tests in the order given, and stops at the first that fails.
#
# Usage: tools/test.sh STAGE...   (lint unit recorded up live package notebooks browser; all of them when none is named)
# The last lines say how long each stage took, and how many tests passed or which stage failed.
# Exit status: that of the stage that failed.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PWD/.venv/bin:$PATH
export PATH PYTHONNOUSERSITE=1
# Bytecode is kept here even where the machine forbids it beside the sources: each program that a test starts is
# compiled once instead of at each start.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$PWD/build/pycache"
results=build/test

run_pytest() {
    mkdir -p "$results"
    rm -f "$results/$stage.xml"
    python -m pytest --junitxml="$results/$stage.xml" "$@" < /dev/null
}

run_stage() {
    case $1 in
        lint) ruff check . && ruff format --check . && mypy ;;
        unit) run_pytest --numprocesses=auto --dist=loadfile tests/unit tests/notebooks ;;
        recorded) run_pytest tests/recorded ;;
        up) labkit up < /dev/null ;;
        live) run_pytest tests/live ;;
        package) run_pytest tests/package ;;
        notebooks)
            # As a participant gets them: the environment's own kernel, cell after cell in the order written.
            run_pytest -p nbval -p tests.notebooks.hooks -p no:randomly --nbval-lax --nbval-current-env --nbval-cell-timeout=180 \
                --durations=10 notebooks
            ;;
        browser) run_pytest tests/browser ;;
    esac
}

# One number out of the report that pytest writes beside its output.
reported() {
    sed -n "s/.*<testsuite [^>]*$2=\"\([0-9]*\)\".*/\1/p" "$results/$1.xml"
}

tell_counts() {
    tests=0 skipped=0
    for stage in $counted; do
        tests=$((tests + $(reported "$stage" tests)))
        skipped=$((skipped + $(reported "$stage" skipped)))
    done
    if [ "$skipped" -gt 0 ]; then
        printf 'test: %s passed, 0 failed, %s skipped\n' "$((tests - skipped))" "$skipped"
    else
        printf 'test: %s passed, 0 failed\n' "$tests"
    fi
}

[ $# -gt 0 ] || set -- lint unit recorded up live package notebooks browser
for stage; do
    case $stage in
        lint | unit | recorded | up | live | package | notebooks | browser) ;;
        *) printf "test: there is no stage '%s'\n" "$stage" >&2 && exit 2 ;;
    esac
done

times='' counted=''
while [ $# -gt 0 ]; do
    stage=$1
    shift
    printf '\n== %s ==\n' "$stage"
    started=$(date +%s)
    run_stage "$stage"
    status=$?
    took=$(($(date +%s) - started))
    if [ "$status" -ne 0 ]; then
        [ -z "$times" ] || printf '\npassed:%s\n' "${times%,}"
        [ $# -eq 0 ] || printf 'not run: %s\n' "$*"
        printf "test: the stage '%s' failed after %s s with exit status %s\n" "$stage" "$took" "$status"
        exit "$status"
    fi
    times="$times $stage $took s,"
    case $stage in
        lint | up) ;;
        *) counted="$counted $stage" ;;
    esac
done

printf '\nall stages passed:%s\n' "${times%,}"
[ -z "$counted" ] || tell_counts

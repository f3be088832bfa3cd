#!/usr/bin/env bash
# Runs the stages of the tests, one step after another, and stops behind the first step in which one fails.
#
# Usage: tools/test.sh STEP...   a stage, or several joined by "+", which run side by side
# Stages: lint up alone rules course unit recorded live notebooks package browser faults, which all run without a step;
# bundle, podman and podman-lessons.
# What stages print that run side by side is shown whole, one after another.
# The last lines say how long each step took, and how many tests passed or which stage failed.
# Exit status: that of the first stage that failed.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
PATH=$PWD/.venv/bin:$PATH
export PATH PYTHONNOUSERSITE=1
# Another environment that is active in this terminal is not the one that is tested.
unset VIRTUAL_ENV PYTHONPATH
# Bytecode is kept here even where the machine forbids it beside the sources: each program that a test starts is
# compiled once instead of at each start.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$PWD/build/pycache"
results=build/test
learned=${LABKIT_CACHE:-${XDG_CACHE_HOME:-${HOME-}/.cache}/labkit}/mypy.tar
# The tests that have the lab to themselves wait for one pod after another, and those of the browser for pages: what has
# no lab, and what only looks at it, uses the processors meanwhile.
all=(up lint+alone+rules+course+unit+recorded+faults live notebooks package+browser)
# By itself `make unit` is for whoever works: a quarter of the examples of each property. `make test` tries them all.
[ "$*" != rules+course+unit ] || export LABKIT_EXAMPLES="${LABKIT_EXAMPLES:-25}"
# The unit tests are three stages of one process each, of about the same length: what they share is collected, imported
# and parsed once, where pytest-xdist does so in each of its processes. What draws is in the second, with matplotlib.
# The third has all that is not in the others.
rules=(tests/unit/{adapters,archives,base,core,explain,publish} tests/unit/lab/{bundles,samples})
course=(tests/notebooks tests/unit/{classhub,cli,course,instructor,notebook,panel,show,threat})
# Pods, containers and kernels are waited for; with three tests at a time two processors have something to do meanwhile.
beside=--numprocesses=${LABKIT_TEST_WORKERS:-3}

# pytest would load nbval, and all of Jupyter with it, into each of pytest-xdist's processes, whatever pyproject.toml says.
run_pytest() {
    rm -f "$results/$stage.counts"
    # shellcheck disable=SC2086  # the words of a command, or none
    PYTEST_DISABLE_PLUGIN_AUTOLOAD=${plugins:+1} PYTEST_PLUGINS=$plugins \
        $apart python -m pytest -p tests.stage_counts --counts="$results/$stage.counts" "$@"
}

# mypy compares what files hold with what they held, wherever they lie: in a new checkout it begins with what it learned
# in another one, which is most of its work. Without a lab's cache to keep it in, nothing is kept.
check_types() {
    local status new=''
    [ -d .mypy_cache ] || new=1
    if [ -n "$new" ] && [ -f "$learned" ]; then tar -xf "$learned" 2> /dev/null || rm -rf .mypy_cache; fi
    mypy
    status=$?
    if [ "$status" -eq 0 ] && [ -n "$new" ] && [ -d "${learned%/*}" ]; then
        # Another checkout may do the same now; the file appears whole or not at all.
        if tar -cf "$learned.$$" .mypy_cache 2> /dev/null; then mv -f "$learned.$$" "$learned"; else rm -f "$learned.$$"; fi
    fi
    return "$status"
}

run_stage() {
    stage=$1
    local plugins=xdist.plugin,pytest_timeout apart=''
    case $stage in
        rules | course | unit | recorded) plugins=$plugins,_hypothesis_pytestplugin ;;
        # What they start reads these variables, too, and runs pytest as it is.
        bundle | podman | podman-lessons) plugins='' ;;
        # nbval's own plugin is named in its entry point; by its module pytest warns that it was imported before.
        notebooks) plugins='' ;;
    esac
    case $stage in
        lint) ruff check . && ruff format --check . && check_types ;;
        rules) run_pytest "${rules[@]}" ;;
        course) run_pytest "${course[@]}" ;;
        unit)
            others=("${rules[@]}" "${course[@]}")
            run_pytest "${others[@]/#/--ignore=}" tests/unit
            ;;
        recorded) run_pytest --numprocesses=auto tests/recorded tests/fuzz ;;
        # What needs no lab of what goes wrong in a class; `make faults` is the whole.
        # The tests that are alone compare what is mounted, and only root mounts.
        faults)
            [ "$(id -u)" -ne 0 ] || apart='unshare --mount'
            run_pytest "$beside" tests/faults
            ;;
        up) labkit up ;;
        # tests/live/side_by_side.py says what may run at the same time.
        live) run_pytest "$beside" --no-loadscope-reorder -m 'not alone' tests/live ;;
        alone) run_pytest -m alone tests/live ;;
        package) run_pytest tests/package ;;
        notebooks)
            # As a participant gets them: the environment's own kernel, cell after cell in the order written.
            run_pytest "$beside" -p tests.notebooks.hooks -p nbval -p no:randomly --nbval-lax \
                --nbval-current-env --nbval-cell-timeout=180 --durations=10 notebooks
            ;;
        browser) run_pytest tests/browser ;;
        bundle) run_pytest -s tests/bundle ;;
        podman) run_pytest -s -k 'not lessons' tests/podman ;;
        podman-lessons) run_pytest -s -k lessons tests/podman ;;
    esac < /dev/null
}

# One number out of what pytest has counted.
reported() {
    sed -n "s/.*$2=\([0-9]*\).*/\1/p" "$results/$1.counts"
}

tell_counts() {
    local tests=0 skipped=0 stage
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

# Ctrl-C reaches what runs in front by itself; what runs side by side is told, and waited for until it has cleaned up.
interrupt() {
    trap '' INT TERM
    printf '\ntest: interrupted; ending %s\n' "${step//+/ and }"
    for process in $running; do kill -INT -- "-$process" 2> /dev/null; done
    wait
    exit 130
}

# Run the stages of a step at the same time; the first status that is not 0 is the step's, and its stage is $failed.
run_side_by_side() {
    local status=0 code
    running=''
    trap interrupt INT TERM
    # Each gets a process group of its own, which Ctrl-C can be passed on to.
    set -m
    for stage; do
        (
            # The lab is waited for with deadlines: what has no lab gives way to what has.
            case $stage in lint | rules | course | unit | recorded | faults) renice -n 10 -p "${BASHPID:-}" > /dev/null 2>&1 ;; esac
            run_stage "$stage"
            code=$?
            printf "the stage '%s' took %s s\n" "$stage" "$(($(date +%s) - started))"
            exit "$code"
        ) > "$results/$stage.log" 2>&1 &
        running="$running $!"
    done
    set +m
    for process in $running; do
        wait "$process"
        code=$?
        stage=$1
        shift
        printf '\n== %s ==\n' "$stage"
        cat "$results/$stage.log"
        if [ "$code" -ne 0 ] && [ "$status" -eq 0 ]; then status=$code failed=$stage; fi
    done
    trap - INT TERM
    return "$status"
}

[ $# -gt 0 ] || set -- "${all[@]}"
for stage in ${*//+/ }; do
    case $stage in
        lint | rules | course | unit | recorded | faults | up | live | alone | package | notebooks | browser) ;;
        bundle | podman | podman-lessons) ;;
        *) printf "test: there is no stage '%s'\n" "$stage" >&2 && exit 2 ;;
    esac
done

mkdir -p "$results"
times='' counted='' began=$(date +%s)
while [ $# -gt 0 ]; do
    step=$1
    shift
    started=$(date +%s)
    printf '\n== %s ==\n' "${step//+/ and }"
    failed=$step
    if [[ $step == *+* ]]; then
        # shellcheck disable=SC2086  # the stages are words
        run_side_by_side ${step//+/ }
    else
        run_stage "$step"
    fi
    status=$?
    took=$(($(date +%s) - started))
    if [ "$status" -ne 0 ]; then
        [ -z "$times" ] || printf '\npassed:%s\n' "${times%,}"
        [ $# -eq 0 ] || printf 'not run: %s\n' "${*//+/ }"
        printf "test: the stage '%s' failed after %s s with exit status %s\n" "$failed" "$took" "$status"
        exit "$status"
    fi
    times="$times ${step//+/ and } $took s,"
    for stage in ${step//+/ }; do
        case $stage in
            lint | up) ;;
            *) counted="$counted $stage" ;;
        esac
    done
done

printf '\nall stages passed in %s s:%s\n' "$(($(date +%s) - began))" "${times%,}"
[ -z "$counted" ] || tell_counts

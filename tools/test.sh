#!/usr/bin/env bash
# Runs the stages of the tests, one step after another, and stops behind the first step in which one fails.
#
# Usage: tools/test.sh STEP...   a stage, or several joined by "+", which run side by side
# A stage with a "~" behind its name begins with its step and is waited for at the very end: the next steps go on beside
# it. Once it has failed, no further step begins.
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
# What has the lab waits for pods, containers and pages, most of all the tests that have it to themselves: what has no lab
# uses the processors meanwhile, at a lower priority. (The faults mount file systems, which those alone would see.)
all=(up alone+lint~+rules~+course~+unit~+recorded~ live+faults~ notebooks package+browser)
# By itself `make unit` is for whoever works: a quarter of the examples of each property. `make test` tries them all.
[ "$*" != rules+course+unit ] || export LABKIT_EXAMPLES="${LABKIT_EXAMPLES:-25}"
# The unit tests are three stages of one process each, of about the same length: what they share is collected, imported
# and parsed once, where pytest-xdist does so in each of its processes. What draws is in the second, with matplotlib, and
# what has kernels of Jupyter's. The third has all that is not in the others.
rules=(tests/unit/{adapters,archives,base,core,explain,publish} tests/unit/lab/{bundles,classroom,samples})
course=(tests/notebooks tests/unit/{classhub,cli,course,instructor,notebook,panel,show,threat} tests/unit/test_site.py)
# Pods, containers and kernels are waited for; with four tests at a time two processors have something to do meanwhile.
beside=--numprocesses=${LABKIT_TEST_WORKERS:-4}

run_pytest() {
    rm -f "$results/$stage.counts"
    python -m pytest -p tests.stage_counts --counts="$results/$stage.counts" "$@"
}

run_stage() {
    stage=$1
    case $stage in
        lint) ruff check . && ruff format --check . && mypy ;;
        rules) run_pytest "${rules[@]}" ;;
        course) run_pytest "${course[@]}" ;;
        unit)
            others=("${rules[@]}" "${course[@]}")
            run_pytest "${others[@]/#/--ignore=}" tests/unit
            ;;
        recorded) run_pytest --numprocesses=auto tests/recorded tests/fuzz ;;
        # What needs no lab of what goes wrong in a class; `make faults` is the whole.
        faults) run_pytest "$beside" tests/faults ;;
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
        browser) run_pytest --numprocesses=2 tests/browser ;;
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

# The names of stages, without marks, as people list them.
names_of() {
    local names=${*//+/ }
    names=${names//\~/}
    printf '%s' "${names// / and }"
}

# The stages of a step that it waits for.
without_marked() {
    local stage stages=''
    for stage in ${1//+/ }; do [[ $stage == *\~ ]] || stages="$stages $stage"; done
    printf '%s' "${stages# }"
}

# Stages that were begun and that nobody has waited for yet, each with its process: "lint:123 rules:124".
running=''

names_of_running() {
    local names=' ' one
    for one in $running; do names="$names ${one%:*}"; done
    # shellcheck disable=SC2086  # the names are words
    printf '%s ' $names
}

end_what_runs() {
    local one
    for one in $running; do kill -INT -- "-${one#*:}" 2> /dev/null; done
    wait
}

# Ctrl-C reaches this script alone: what runs is told, and waited for until it has cleaned up.
interrupt() {
    trap '' INT TERM
    local beside
    beside=$(names_of_running)
    if [ -n "$running" ]; then beside="; ending $(names_of "${beside% }")"; fi
    printf '\ntest: interrupted%s\n' "$beside"
    end_what_runs
    exit 130
}

# Start a stage, in a process group of its own, which Ctrl-C can be passed on to.
begin_shown() {
    set -m
    run_stage "$1" &
    set +m
    running="$running $1:$!"
}

# The same for one that others run beside: what it prints is kept until it has ended.
begin() {
    local stage=$1
    rm -f "$results/$stage.ended"
    set -m
    (
        # The lab is waited for with deadlines: what has no lab gives way to what has.
        case $stage in lint | rules | course | unit | recorded | faults) renice -n 10 -p "${BASHPID:-}" > /dev/null 2>&1 ;; esac
        began=$(date +%s)
        run_stage "$stage"
        code=$?
        printf "the stage '%s' took %s s\n" "$stage" "$(($(date +%s) - began))"
        : > "$results/$stage.ended"
        exit "$code"
    ) > "$results/$stage.log" 2>&1 &
    set +m
    running="$running $stage:$!"
}

# Wait for a stage that was begun; the first one that fails is $failed.
take_shown() {
    local code one left=''
    for one in $running; do
        if [ "${one%:*}" = "$1" ]; then wait "${one#*:}" && code=0 || code=$?; else left="$left $one"; fi
    done
    running=$left
    if [ "$code" -ne 0 ] && [ "$status" -eq 0 ]; then status=$code failed=$1; fi
}

# The same for one of which nothing was shown yet.
take() {
    take_shown "$1"
    printf '\n== %s ==\n' "$1"
    cat "$results/$1.log"
}

# Run a step; $status is 0, or that of the first stage that failed. What ended meanwhile beside it counts, too.
run_step() {
    local stages=${1//+/ }
    if [[ $stages != *[\ ~]* ]]; then
        begin_shown "$stages"
        take_shown "$stages"
    else
        for stage in $stages; do begin "${stage%\~}"; done
        for stage in $stages; do [[ $stage == *\~ ]] || take "$stage"; done
    fi
    for stage in $(names_of_running); do
        [ ! -e "$results/$stage.ended" ] || take "$stage"
    done
}

[ $# -gt 0 ] || set -- "${all[@]}"
for stage in ${*//+/ }; do
    case ${stage%\~} in
        lint | rules | course | unit | recorded | faults | up | live | alone | package | notebooks | browser) ;;
        bundle | podman | podman-lessons) ;;
        *) printf "test: there is no stage '%s'\n" "$stage" >&2 && exit 2 ;;
    esac
done

mkdir -p "$results"
times='' counted='' status=0 failed='' began=$(date +%s)
trap interrupt INT TERM
while [ $# -gt 0 ] || [ -n "$running" ]; do
    started=$(date +%s)
    if [ $# -gt 0 ]; then
        step=$1
        shift
        printf '\n== %s ==\n' "$(names_of "$step")"
        run_step "$step"
        for stage in ${step//+/ }; do
            case ${stage%\~} in
                lint | up) ;;
                *) counted="$counted ${stage%\~}" ;;
            esac
        done
        waited_for=$(names_of "$(without_marked "$step")")
    else
        waited_for='what ran beside them'
        for stage in $(names_of_running); do take "$stage"; done
    fi
    took=$(($(date +%s) - started))
    if [ "$status" -ne 0 ]; then
        [ -z "$times" ] || printf '\npassed:%s\n' "${times%,}"
        [ $# -eq 0 ] || printf 'not run: %s\n' "${*//[+~]/ }"
        [ -z "$running" ] || printf 'not run to the end: %s\n' "$(names_of_running)"
        trap '' INT TERM
        end_what_runs
        printf "test: the stage '%s' failed after %s s with exit status %s\n" "$failed" "$took" "$status"
        exit "$status"
    fi
    [ -z "$waited_for" ] || times="$times $waited_for $took s,"
done

printf '\nall stages passed in %s s:%s\n' "$(($(date +%s) - began))" "${times%,}"
[ -z "$counted" ] || tell_counts

#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests.
#
#   tests/run.sh              the quick suite: everything a change must pass
#   tests/run.sh full         the same with more worlds, kills and seeds
#   tests/run.sh NAME...      some of: format lint dev tsan scenario
set -euo pipefail
cd "$(dirname "$0")/.."

full=0
steps=()
for word in "$@"; do
    case "$word" in
        full) full=1 ;;
        format | lint | dev | tsan | scenario) steps+=("$word") ;;
        -h | --help)
            sed -n '2,6s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *)
            echo "tests/run.sh: no suite is called '$word'; see tests/run.sh --help" >&2
            exit 2
            ;;
    esac
done
if [ ${#steps[@]} -eq 0 ]; then
    steps=(format dev scenario tsan)
    [ "$full" -eq 1 ] && steps+=(lint)
fi

.ci/install build test
jobs=$(nproc)
export CCACHE_SLOPPINESS=pch_defines,time_macros
export RC_PARAMS="${RC_PARAMS:-max_success=$([ "$full" -eq 1 ] && echo 5000 || echo 100)}"
# The tests make and flush many small databases; in memory where the machine has that.
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ]; then
    export TMPDIR=/dev/shm
fi

passed=0
failed=0
step_started=$SECONDS
finish() { # finish NAME passed failed
    passed=$((passed + $2))
    failed=$((failed + $3))
    printf '== %s: %d passed, %d failed (%d s)\n' "$1" "$2" "$3" $((SECONDS - step_started))
}

build() { # build PRESET TARGET...
    cmake --preset "$1" >/dev/null
    cmake --build --preset "$1" --parallel "$jobs" --target "${@:2}" -- --quiet
}

run_ctest() { # run_ctest PRESET NAME [ctest arguments]
    local log
    log=$(mktemp)
    ctest --preset "$1" --parallel "$jobs" "${@:3}" >"$log" 2>&1 || true
    local run bad
    run=$(sed -n 's/.*tests passed, .* tests failed out of \([0-9]*\)/\1/p' "$log")
    bad=$(sed -n 's/.*tests passed, \([0-9]*\) tests failed out of.*/\1/p' "$log")
    if [ -z "$run" ] || [ "$bad" -ne 0 ]; then
        cat "$log"
    fi
    finish "$2" "$((${run:-0} - ${bad:-0}))" "${bad:-1}"
    rm -f "$log"
}

run_python() { # run_python NAME COMMAND...
    local log
    log=$(mktemp)
    if "${@:2}" >"$log" 2>&1; then
        tail -n 1 "$log"
    else
        cat "$log"
    fi
    local good bad
    good=$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed.*/\1/p' "$log" | tail -n 1)
    bad=$(sed -n 's/^[0-9]* passed, \([0-9]*\) failed.*/\1/p' "$log" | tail -n 1)
    finish "$1" "${good:-0}" "${bad:-1}"
    rm -f "$log"
}

for step in "${steps[@]}"; do
    step_started=$SECONDS
    case "$step" in
        format)
            if git ls-files '*.c' '*.h' '*.cpp' '*.hpp' | xargs clang-format --dry-run --Werror; then
                finish format 1 0
            else
                echo "Run: git ls-files '*.c' '*.h' '*.cpp' '*.hpp' | xargs clang-format -i"
                finish format 0 1
            fi
            ;;
        lint)
            cmake --preset lint >/dev/null
            if git ls-files 'framework/*.cpp' 'host/*.cpp' 'plugins/*.cpp' |
                xargs -P "$jobs" -n 4 clang-tidy --quiet -p build/lint; then
                finish lint 1 0
            else
                finish lint 0 1
            fi
            ;;
        dev)
            build dev all
            run_ctest dev "unit and property tests (address and undefined behaviour sanitizers)"
            if [ "$full" -eq 1 ]; then
                step_started=$SECONDS
                run_python "random worlds" build/dev/bin/worlds --worlds 10000 --first 1000
            fi
            ;;
        scenario)
            build dev syncline syncline_calls climbing
            more=$([ "$full" -eq 1 ] && echo --full || true)
            run_python "command line" python3 tests/scenario/cli_test.py --bin build/dev/bin/syncline ${more:+--kills 1000}
            # Looking for leaks is a fifth of a short run's time, and the steps above did it.
            export ASAN_OPTIONS="detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
            step_started=$SECONDS
            run_python scenarios python3 tests/scenario/run.py --bin build/dev/bin/syncline $more
            step_started=$SECONDS
            run_python "going back" python3 tests/scenario/going_back_test.py --bin build/dev/bin/syncline
            step_started=$SECONDS
            run_python inbox python3 tests/scenario/inbox_test.py --bin build/dev/bin/syncline
            step_started=$SECONDS
            run_python "plan files, explanations, rules" python3 tests/scenario/plan_test.py --bin build/dev/bin/syncline
            step_started=$SECONDS
            run_python "injected faults" python3 tests/scenario/fault_test.py --bin build/dev/bin/syncline $more
            step_started=$SECONDS
            run_python "crashes and power cuts" python3 tests/scenario/crash_test.py --bin build/dev/bin/syncline $more
            step_started=$SECONDS
            run_python "failing system calls" python3 tests/scenario/errno_test.py --bin build/dev/bin/syncline $more
            step_started=$SECONDS
            run_python "hostile trees" python3 tests/scenario/hostile_test.py --bin build/dev/bin/syncline
            ;;
        tsan)
            # What the full suite adds has its threads from the pool and the executor, which are here.
            threads=(pool progress lifecycle resilience endpoint execute orchestrate)
            [ "$full" -eq 1 ] && threads+=(fault reconcile)
            build tsan "${threads[@]/#/unit_}" filesystem_test
            run_ctest tsan "threads (thread sanitizer)" -R "^(unit_($(IFS='|' && echo "${threads[*]}"))|filesystem)\$"
            ;;
    esac
done

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

#!/bin/sh
# Run the unit tests of another build folder.
if [ ! -f "$1/build.ninja" ]; then
    echo "no such build: cmake --preset $(basename "$1"), or ./test, makes it"
    exit 77
fi
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
exec ctest --test-dir "$1" -L unit --output-on-failure --no-tests=error -j 2

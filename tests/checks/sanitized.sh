#!/bin/sh
# sanitized.sh BUILD LABEL: run the tests with a label of another build folder. When some of them were left out, this one counts as
# left out, too, and its last line tells which.
. "$(dirname "$0")/sanitizers.sh"
need_build "$1/build.ninja"
ctest --test-dir "$1" -L "$2" --output-on-failure --no-tests=error -j 2 --output-junit "$1/results.xml" || exit
skipped=$(python3 "$(dirname "$0")/../../tools/skipped.py" "$1/results.xml") || exit
if [ -n "$skipped" ]; then
    printf '%s' "$skipped" | tr -s ' \n' ' '
    exit 77
fi

#!/bin/sh
# sanitized.sh BUILD LABEL: run the tests with a label of another build folder.
. "$(dirname "$0")/sanitizers.sh"
need_build "$1/build.ninja"
exec ctest --test-dir "$1" -L "$2" --output-on-failure --no-tests=error -j 2

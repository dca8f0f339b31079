#!/bin/bash
# Runs each fuzz target for a few seconds on top of the kept inputs.
# usage: short.sh [target...]   (default: all); PLM_FUZZ_SECONDS [20] each; needs clang
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${PLM_FUZZ_BUILD:-$root/build/fuzz}
seconds=${PLM_FUZZ_SECONDS:-20}
failed=0
ran=0

cmake -S "$root" --preset fuzz -B "$build" >"$build.log" 2>&1 || { cat "$build.log"; exit 2; }
for source in "$root"/tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    target=${name#fuzz_}
    if [ $# -gt 0 ] && [[ " $* " != *" $target "* ]]; then
        continue
    fi
    ran=1
    ninja -C "$build" "$name" >"$build.log" 2>&1 || { cat "$build.log"; exit 2; }
    inputs=$(mktemp -d)
    cp "$root/tests/corpus/$target/"* "$inputs"
    if (cd "$inputs" && "$build/bin/$name" -max_total_time="$seconds" -max_len=4096 -artifact_prefix="$build/" "$inputs") >"$build.run" 2>&1; then
        echo "$name: $(grep -E '^Done' "$build.run"), $(find "$inputs" -type f | wc -l) inputs"
    else
        echo "$name failed; the input lies in $build"
        tail -40 "$build.run"
        failed=1
    fi
    rm -rf "$inputs"
done
[ $ran = 1 ] || { echo "no target of that name: $*"; exit 2; }
exit $failed

#!/bin/bash
# Runs each fuzz target for a few seconds on top of the kept inputs, as many at once as there are processors.
# usage: short.sh [target...]   (default: all); PLM_FUZZ_SECONDS [20] each; needs clang
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${PLM_FUZZ_BUILD:-$root/build/fuzz}
seconds=${PLM_FUZZ_SECONDS:-20}

# fuzz TARGET: that target for its time; its output is a line, or the end of what it said.
fuzz() {
    local target=$1 log=$build.$1.run inputs status=0
    inputs=$(mktemp -d)
    cp "$root/tests/corpus/$target/"* "$inputs"
    if (cd "$inputs" && "$build/bin/fuzz_$target" -max_total_time="$seconds" -max_len=4096 \
        -artifact_prefix="$build/$target." "$inputs") >"$log" 2>&1; then
        echo "fuzz_$target: $(grep -E '^Done' "$log"), $(find "$inputs" -type f | wc -l) inputs"
    else
        printf 'fuzz_%s failed; the input lies in %s\n%s\n' "$target" "$build" "$(tail -40 "$log")"
        status=1
    fi
    rm -rf "$inputs"
    return $status
}

targets=()
for source in "$root"/tests/fuzz/fuzz_*.c; do
    target=$(basename "$source" .c)
    target=${target#fuzz_}
    if [ $# = 0 ] || [[ " $* " == *" $target "* ]]; then
        targets+=("$target")
    fi
done
[ ${#targets[@]} -gt 0 ] || { echo "no target of that name: $*"; exit 2; }

mkdir -p "$root/build"
cmake -S "$root" --preset fuzz -B "$build" >"$build.log" 2>&1 &&
    ninja -C "$build" "${targets[@]/#/fuzz_}" >"$build.log" 2>&1 || { cat "$build.log"; exit 2; }
export -f fuzz
export root build seconds
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}' || exit 1

#!/bin/bash
# Shows that each fuzz target finds a defect planted in its parser within a minute.
# usage: planted.sh [parser...]   (default: all); needs clang
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${PLM_PLANTED_BUILD:-$root/build/planted}
seconds=${PLM_PLANTED_SECONDS:-60}

# parser (media/base/planted.h) and the target that must find its defect
table="
rtp:rtp
rtp_ext:rtp
rtcp:rtcp
twcc:twcc
vp8:codec
vp9:codec
h264:codec
dd:dd
rtx:worker
stun:stun
dtls:dtls
sdp:sdp
msg:msg
config:config
http:http
"

missed=0
for row in $table; do
    parser=${row%%:*} target=${row##*:}
    if [ $# -gt 0 ] && [[ " $* " != *" $parser "* ]]; then
        continue
    fi
    cmake -S "$root" --preset fuzz -B "$build" -DPLM_PLANT_BUG="$parser" >"$build.log" 2>&1 &&
        ninja -C "$build" "fuzz_$target" >>"$build.log" 2>&1 || { cat "$build.log"; exit 2; }
    inputs=$(mktemp -d)
    cp "$root/tests/corpus/$target/"* "$inputs"
    started=${EPOCHREALTIME/./}
    # Leaks are no concern here, and the new input that crashes is of no use afterwards.
    if (cd "$inputs" && "$build/bin/fuzz_$target" -max_total_time="$seconds" -max_len=1500 -detect_leaks=0 "$inputs") >"$build.run" 2>&1; then
        echo "MISSED $parser: fuzz_$target ran $seconds s without finding it"
        missed=1
    else
        what=$(grep -m1 -E 'does not hold|ERROR: |runtime error' "$build.run" | sed 's/^.*tests\/fuzz\///; s/^==[0-9]*==//')
        took=$(((${EPOCHREALTIME/./} - started) / 1000))
        printf 'found %-8s by fuzz_%-6s in %6d ms: %s\n' "$parser" "$target" "$took" "$what"
    fi
    rm -rf "$inputs"
done
exit $missed

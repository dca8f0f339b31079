#!/bin/bash
# Shows that each fuzz target finds a defect planted in its parser within a minute, and that it is the planted one: what it found must
# do no harm to the parser as it is.
# usage: planted.sh [parser...]   (default: all); needs clang
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${PLM_PLANTED_BUILD:-$root/build/planted}
sound=${PLM_FUZZ_BUILD:-$root/build/fuzz}
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
link:feed
stun:stun
dtls:dtls
sdp:sdp
msg:msg
config:config
http:http
rest:rest
restore:restore
depack_opus:depack
depack_vp8:depack
depack_vp9:depack
depack_h264:depack
depack_av1:depack
stream_refs:stream
stream_parts:stream
mp4:finish
control:recorder_link
frames:recorder_link
framing:framing
ring:ring
pkt_ring:pkt_ring
tuple_map:maps
u32_map:maps
nack:nack
layers:layers
"

# make FOLDER PARSER TARGET: the target with that parser's defect; with an empty name as it is.
make() {
    mkdir -p "$root/build"
    cmake -S "$root" --preset fuzz -B "$1" -DPLM_PLANT_BUG="$2" >"$1.log" 2>&1 && ninja -C "$1" "fuzz_$3" >>"$1.log" 2>&1 ||
        { cat "$1.log"; exit 2; }
}

missed=0
for row in $table; do
    parser=${row%%:*} target=${row##*:}
    if [ $# -gt 0 ] && [[ " $* " != *" $parser "* ]]; then
        continue
    fi
    make "$build" "$parser" "$target"
    make "$sound" "" "$target"
    inputs=$(mktemp -d)
    cp "$root/tests/corpus/$target/"* "$inputs"
    guilty=$build.$parser.input
    rm -f "$guilty"
    started=${EPOCHREALTIME/./}
    # Leaks are no concern here.
    "$build/bin/fuzz_$target" -max_total_time="$seconds" -max_len=1500 -detect_leaks=0 -exact_artifact_path="$guilty" \
        "$inputs" >"$build.run" 2>&1
    ended=$?
    took=$(((${EPOCHREALTIME/./} - started) / 1000))
    if [ $ended = 0 ]; then
        echo "MISSED $parser: fuzz_$target ran $seconds s without finding it"
        missed=1
    elif [ ! -f "$guilty" ]; then
        echo "MISSED $parser: fuzz_$target failed, but not by an input:"
        tail -20 "$build.run"
        missed=1
    elif ! "$sound/bin/fuzz_$target" "$guilty" >"$build.run" 2>&1; then
        echo "MISSED $parser: what fuzz_$target found is a fault without the planted defect, too: $guilty"
        tail -40 "$build.run"
        missed=1
    else
        what=$("$build/bin/fuzz_$target" -detect_leaks=0 "$guilty" 2>&1 | grep -m1 -E 'does not hold|ERROR: |runtime error' | sed 's/^.*tests\/fuzz\///; s/^==[0-9]*==//')
        printf 'found %-12s by fuzz_%-6s in %6d ms: %s\n' "$parser" "$target" "$took" "$what"
    fi
    rm -rf "$inputs"
done
exit $missed

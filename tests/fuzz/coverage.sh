#!/bin/bash
# Prints which share of its lines each file that reads what comes from outside is reached in by the kept inputs of all targets, and fails where
# it is below the bound. A fuzz target begins from these: what they do not reach it may not reach either.
# usage: coverage.sh [file...]   (default: all of the list; of named ones the lines that are not reached follow)
# PLM_COVERAGE_LEAST [90] per cent; needs clang, llvm-profdata, llvm-cov
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${PLM_COVERAGE_BUILD:-$root/build/coverage}
least=${PLM_COVERAGE_LEAST:-90}

# What peers send by UDP and TCP, and what keeps state of it; what clients, other programs and the disk give.
files="
media/rtp.c media/rtp_ext.c media/rtcp.c media/rtcp_fb.c media/twcc.c
media/codec.c media/codec_vp8.c media/codec_vp9.c media/codec_h264.c media/codec_av1.c media/codec_opus.c media/h264_sps.c
media/dependency_descriptor.c media/ice_lite.c media/dtls_records.c media/stream_frames.c media/stream_queue.c
media/ring.c media/pkt.c media/pkt_ring.c media/tuple_map.c media/base/u32_map.c media/seq_map.c media/nack_gen.c media/layer_select.c
media/bwe.c media/allocator.c media/bwe_log.c media/feed_in.c
media/sdp/parse.c media/sdp/attributes.c media/sdp/codecs.c media/sdp/slice.c media/sdp/rid_order.c media/sdp/fragment.c
media/sdp/answer.c media/sdp/exchange.c
signaling/proto_decode.c signaling/json_text.c signaling/restore.c signaling/record_json.c
server/config_yaml.c server/config_value.c server/rest_json.c
recorder/depack.c recorder/depack_opus.c recorder/depack_vp8.c recorder/depack_vp9.c recorder/depack_h264.c recorder/depack_av1.c
recorder/av1_sequence.c recorder/frames.c recorder/control.c recorder/json_line.c recorder/manifest.c
recorder/finish_mp4.c recorder/finish_webm.c
"

targets=$(for source in "$root"/tests/fuzz/fuzz_*.c; do basename "$source" .c | sed 's/^fuzz_//'; done)
mkdir -p "$root/build"
cmake -S "$root" --preset dev -B "$build" -DCMAKE_C_COMPILER=clang -DPLM_BUILD_EXAMPLES=OFF \
    -DCMAKE_C_FLAGS="-fprofile-instr-generate -fcoverage-mapping" >"$build.log" 2>&1 &&
    ninja -C "$build" $(printf 'replay_%s ' $targets) >>"$build.log" 2>&1 || { tail -40 "$build.log"; exit 2; }

profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
objects=()
for target in $targets; do
    LLVM_PROFILE_FILE="$profile/$target.raw" "$build/bin/replay_$target" "$root/tests/corpus/$target" >/dev/null || exit 1
    objects+=(-object "$build/bin/replay_$target")
done
llvm-profdata merge -o "$profile/all" "$profile"/*.raw || exit 2
llvm-cov show "${objects[@]:1}" -instr-profile="$profile/all" >"$profile/lines" || exit 2

failed=0 lines_all=0 reached_all=0
for file in ${*:-$files}; do
    # A file begins with its path and a colon; a line is "number|count|text", without a count where there is no code.
    awk -v end="/$file:" '/^\/.*:$/ {on = substr($0, length($0) - length(end) + 1) == end; next} on' "$profile/lines" >"$profile/file"
    read -r lines reached <<<"$(awk -F'|' '$2 ~ /[0-9]/ {n++; if ($2 !~ /^ *0$/) k++} END {print n + 0, k + 0}' "$profile/file")"
    if [ "$lines" = 0 ]; then
        echo "$file is in no target"
        failed=1
        continue
    fi
    share=$((reached * 100 / lines)) note=
    [ "$share" -ge "$least" ] || { note=" below $least %"; failed=1; }
    printf '%-32s %4d of %4d lines %3d %%%s\n' "$file" "$reached" "$lines" "$share" "$note"
    [ $# = 0 ] || awk -F'|' '$2 ~ /^ *0$/' "$profile/file"
    lines_all=$((lines_all + lines)) reached_all=$((reached_all + reached))
done
echo "together $reached_all of $lines_all lines, $((reached_all * 100 / lines_all)) %"
exit $failed

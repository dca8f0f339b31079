#!/bin/bash
# with-sound.sh COMMAND…: run a command beside a PulseAudio of its own, PLM_SOUND, whose one output nobody hears, but which takes sound as fast as a sound card does.
# Firefox's stand-in for a missing one does not: its clock loses up to a tenth, and what it plays is torn. Exit status 77 where there is no PulseAudio.
set -uo pipefail

command -v pulseaudio >/dev/null || { echo "skipped: no pulseaudio"; exit 77; }
home=$(mktemp -d)
export PLM_SOUND=unix:$home/socket
HOME=$home XDG_RUNTIME_DIR=$home pulseaudio -n --daemonize=no --use-pid-file=no --exit-idle-time=-1 \
    -L module-null-sink -L "module-native-protocol-unix socket=$home/socket auth-anonymous=1" >"$home/log" 2>&1 &
sound=$!
trap 'kill $sound; wait $sound; rm -rf "$home"' EXIT
for _ in $(seq 100); do
    [ -S "$home/socket" ] && break
    kill -0 $sound 2>/dev/null || break
    sleep 0.1
done
[ -S "$home/socket" ] || { cat "$home/log"; exit 1; }
"$@"

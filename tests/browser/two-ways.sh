#!/bin/sh
# two-ways.sh COMMAND…: run a command in a network namespace of its own beside a second one, PLM_SERVER_NET, where servers are at the address
# PLM_RTC_ADDRESS. Nothing leads from one to the other until lib/ways.mjs makes a way. Exit status 77 where namespaces are not allowed.
set -eu

if [ -z "${PLM_SERVER_NET:-}" ]; then
    flags=--net
    [ "$(id -u)" = 0 ] || flags='--user --map-root-user --net'
    if ! unshare $flags true 2>/dev/null; then
        echo "skipped: network namespaces are not allowed here"
        exit 77
    fi
    PLM_SERVER_NET=to-be-made exec unshare $flags "$0" "$@"
fi

# The second one lasts as long as the command: its process ends with the last that holds its standard input open.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkfifo "$work/life"
unshare --net cat <"$work/life" &
exec 9>"$work/life"
own=$(readlink /proc/$$/ns/net)
while [ "$(readlink /proc/$!/ns/net)" = "$own" ]; do sleep 0.01; done

export PLM_SERVER_NET=/proc/$!/ns/net PLM_RTC_ADDRESS=10.77.0.1
ip link set lo up
nsenter --net="$PLM_SERVER_NET" sh -c "ip link set lo up && ip address add $PLM_RTC_ADDRESS/32 dev lo"
"$@"

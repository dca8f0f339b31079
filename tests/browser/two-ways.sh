#!/bin/sh
# two-ways.sh COMMAND…: run a command in a network namespace of its own beside a second one, PLM_SERVER_NET, where servers are at the address
# PLM_RTC_ADDRESS. Nothing leads from one to the other until lib/ways.mjs makes a way. A third one, PLM_BESIDE_NET, has a way to the servers that stays.
# Exit status 77 where namespaces are not allowed.
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

# They last as long as the command: their processes end with the last that holds their standard input open.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkfifo "$work/life"
own=$(readlink /proc/$$/ns/net)
another() {
    unshare --net cat <"$work/life" 9>&- &
    [ -e /proc/$$/fd/9 ] || exec 9>"$work/life"
    while [ "$(readlink /proc/$!/ns/net)" = "$own" ]; do sleep 0.01; done
}
another
server=$!
another
beside=$!

export PLM_SERVER_NET=/proc/$server/ns/net PLM_BESIDE_NET=/proc/$beside/ns/net PLM_RTC_ADDRESS=10.77.0.1
ip link set lo up
nsenter --net="$PLM_SERVER_NET" sh -c "ip link set lo up && ip address add $PLM_RTC_ADDRESS/32 dev lo &&
    ip link add beside type veth peer name plm0 netns $beside && ip address add 10.78.0.1/24 dev beside && ip link set beside up"
nsenter --net="$PLM_BESIDE_NET" sh -c "ip link set lo up && ip address add 10.78.0.2/24 dev plm0 && ip link set plm0 up &&
    ip route add default via 10.78.0.1 dev plm0"
"$@"

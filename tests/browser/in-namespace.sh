#!/bin/sh
# in-namespace.sh COMMAND…: run a command in a network namespace of its own that has an address besides 127.0.0.1,
# PLM_RTC_ADDRESS, one of IPv6, PLM_RTC_ADDRESS6, where the kernel has that, and default routes that lead nowhere, for clients that do not talk to the loopback. Exit status 77 where that is not possible.
set -eu

setup='ip link set lo up &&
    ip link add plm0 type veth peer name plm1 &&
    ip address add 10.77.0.1/24 dev plm0 &&
    ip link set plm0 up && ip link set plm1 up &&
    ip route add default via 10.77.0.2 dev plm0 &&
    export PLM_RTC_ADDRESS=10.77.0.1 || exit
    if ip -6 address add fd77::1/64 dev plm0 nodad && ip -6 route add default via fd77::2 dev plm0; then
        export PLM_RTC_ADDRESS6=fd77::1
    fi
    exec "$@"'

flags=--net
[ "$(id -u)" = 0 ] || flags='--user --map-root-user --net'
if ! unshare $flags true 2>/dev/null; then
    echo "skipped: network namespaces are not allowed here"
    exit 77
fi
exec unshare $flags sh -c "$setup" sh "$@"

#!/bin/sh
# on-servers-side.sh OPTION…: Chromium in the namespace of the servers (two-ways.sh), for somebody whom no change of the way is to touch.
exec nsenter --net="$PLM_SERVER_NET" "${PLM_CHROMIUM:-/usr/bin/chromium}" "$@"

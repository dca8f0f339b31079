#!/bin/sh
# from-beside.sh OPTION…: Chromium in the third namespace of two-ways.sh, for somebody whom no change of the way is to touch.
exec nsenter --net="$PLM_BESIDE_NET" "${PLM_CHROMIUM:-/usr/bin/chromium}" "$@"

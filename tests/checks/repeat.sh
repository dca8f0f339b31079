#!/bin/sh
# repeat.sh N COMMAND…: run it N times; the first time that it does not end well ends this, too.
n=$1
shift
i=0
while [ "$i" -lt "$n" ]; do
    i=$((i + 1))
    "$@" || { status=$?; echo "time $i of $n"; exit $status; }
done
echo "$n times"

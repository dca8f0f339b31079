#!/bin/sh
# Units of systemd: their programs know the options they are started with, and a recorder with a unit of its own is there for as long as
# that: nothing but systemd starts it again.
set -eu
configs=$1
server=$2
recorder=$3

started_by() {
    sed -n 's/^ExecStart=//p' "$configs/$1"
}

check_options() {
    "$1" --help >/dev/null
    for word in $(started_by "$2"); do
        case $word in
        --*) "$1" --help | grep -q -e "$word" || { echo "$2: $word is no option of $1"; exit 1; } ;;
        esac
    done
}

check_options "$server" plenum.service
check_options "$recorder" plenum-recorder.service
started_by plenum-recorder.service | grep -q -e ' --stay' || { echo "the recorder ends while there is no server"; exit 1; }
grep -q '^Restart=always' "$configs/plenum-recorder.service" || { echo "a recorder that ended is not started again"; exit 1; }

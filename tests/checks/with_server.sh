#!/bin/sh
# with_server.sh BUILD COMMAND…: run a test against the server of another build folder.
. "$(dirname "$0")/sanitizers.sh"
PLM_SERVER=$1/bin/plenum-server
need_build "$PLM_SERVER"
export PLM_SERVER
shift
exec "$@"

#!/bin/sh
# build.sh FOLDER: build FOLDER/pion from Debian's Go packages. They are found in a GOPATH tree only, so the sources are copied into one.
set -eu
if ! command -v go >/dev/null || [ ! -d /usr/share/gocode/src/github.com/pion/webrtc ]; then
    echo "skipped: golang-go or golang-github-pion-webrtc.v3-dev is not installed"
    exit 77
fi
out=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out/gopath/src/plenum/interop"
cp "$here"/*.go "$here/go.mod" "$out/gopath/src/plenum/interop"
cd "$out/gopath/src/plenum/interop"
GO111MODULE=off GOPATH=$out/gopath:/usr/share/gocode GOCACHE=$out/gocache GOFLAGS=-p=2 go build -o "$out/pion" .

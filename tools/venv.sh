#!/bin/sh
# venv.sh DIR REQUIREMENTS [LARGER…]: a virtual environment in DIR with the pinned packages and this project.
# Does nothing when DIR is already made from the same files, or from a LARGER set that holds them all.
set -eu
dir=$1 requirements=$2
shift
stamp="$dir/.made-from"

# An environment holds absolute paths: it is another one for another folder.
mark() { echo "$1 $(cat "$1" pyproject.toml | cksum) $(pwd)"; }

if [ -f "$stamp" ] && [ -x "$dir/bin/python" ]; then
    for set in "$@"; do
        [ "$(cat "$stamp")" != "$(mark "$set")" ] || exit 0
    done
fi

usable() { "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
find_python() {
    # A name on the path may be a wrapper without a Python behind it, so each is tried.
    for python in ${PYTHON:+"$PYTHON"} python3.11 python3 python3.12 python3.13; do
        if command -v "$python" >/dev/null && usable "$python"; then
            return
        fi
    done
    echo "error: Python 3.11 or newer is needed; set PYTHON to one" >&2
    exit 2
}

# pyvenv.cfg names the folder for which the environment was made.
made_here() { grep -qsF "$(pwd)/$dir" "$dir/pyvenv.cfg" && "$dir/bin/python" -I -m pip --version >/dev/null 2>&1; }

if ! made_here; then
    find_python
    # Debian splits ensurepip off into python3-venv.
    "$python" -I -c 'import ensurepip' 2>/dev/null || "$(dirname "$0")/apt.sh" python3-venv
    "$python" -I -m venv --clear "$dir"
fi
# A user's pip settings may ask for --user, which is neither possible nor wanted here.
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1
rm -f "$stamp"
"$dir/bin/python" -I -m pip install --quiet -r "$requirements"
"$dir/bin/python" -I -m pip install --quiet --no-deps --no-build-isolation -e .
mark "$requirements" > "$stamp"

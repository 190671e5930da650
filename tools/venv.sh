#!/bin/sh
# venv.sh DIR REQUIREMENTS: a virtual environment in DIR with the pinned packages and this project.
# Does nothing when DIR is already made from the same files.
set -eu
dir=$1 requirements=$2
python=${PYTHON:-$(command -v python3.11 || command -v python3)}
stamp="$dir/.made-from-$(basename "$requirements")"
wanted=$(cat "$requirements" pyproject.toml | cksum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

if [ ! -x "$dir/bin/pip" ]; then
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        # Debian splits ensurepip off into python3-venv; take it where we may.
        sudo=""
        [ "$(id -u)" = 0 ] || sudo=sudo
        echo "python3-venv is missing: installing it with apt-get" >&2
        { $sudo apt-get update -q && $sudo apt-get install -qy python3-venv; } >&2 || {
            echo "error: cannot make a virtual environment; run: apt-get install python3-venv" >&2
            exit 2
        }
    fi
    "$python" -m venv --clear "$dir"
fi
"$dir/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
"$dir/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
echo "$wanted" > "$stamp"

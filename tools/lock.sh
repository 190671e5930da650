#!/bin/sh
# Write the pinned requirement files anew from pyproject.toml and requirements/*.in (needs `pip install uv`).
set -eu
cd "$(dirname "$0")/.."
lock() { uv pip compile --quiet --upgrade --python-version 3.11 --no-header --no-annotate --no-emit-index-url "$@"; }
lock pyproject.toml requirements/dev.in -o requirements/dev.txt
lock pyproject.toml requirements/run.in -c requirements/dev.txt -o requirements/run.txt
lock pyproject.toml requirements/mitmproxy.in --extra mitmproxy -o requirements/mitmproxy.txt
lock pyproject.toml requirements/bench.in -c requirements/dev.txt -o requirements/bench.txt
for peer in envoy ext-proc litellm starlette; do
    lock requirements/peers/$peer.in -o requirements/peers/$peer.txt
done

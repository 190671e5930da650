"""A gateway process as an operator starts it: `gateway serve`, a settings file, a policy directory, a port.

For tests with real clients (`tests/sdks`, `tests/real`). Tests of the proxy's own parts run it inside
their loop (`tests.adapters.support`).
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from gateway.config import load_config
from gateway.identity import key_principal
from gateway.secret import identity_secret

SHIPPED = Path(__file__).parents[1] / "policies"
RUNGS = ("narrow", "throttle", "perturb", "refuse")
"""Which rung a client of the test policies stands on is said by its User-Agent: `rung-narrow`."""

SECRET = "a secret for the tests, 32 bytes"
"""`identity.secret` of these gateways."""
_PATIENCE = 30.0
_ANNOUNCED = re.compile(r"^gateway on (http://\S+) in front of", re.MULTILINE)
_POINTS = {"narrow": 40, "throttle": 55, "perturb": 70, "refuse": 45}

_LADDER = """
---
kind: ladder
id: default
version: 1
title: The rungs of the tests
rungs:
  watch: {at: 20, do: [{log: true}]}
  narrow: {at: 35, do: [{logprobs: {max_top: 5, decimals: 2}}, {cap: {n: 1, best_of: 1, max_tokens: %d}}]}
  throttle: {at: 50, clear: 40, do: [{limit: {requests: 30/1m, burst: 1}}, {logprobs: {off: true}}]}
  perturb: {at: 65, do: [{reasoning: {strip: true}}]}
  refuse: {at: 85, requires: {policies: 2}, do: [{reject: {status: 403, code: usage_review}}]}
"""
# A bucket of one every two seconds: an SDK that waits as it is told needs one retry, one that follows its
# own schedule (half a second at first) needs more.

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found | None], what: str) -> Found:
    """What `look` finds as soon as it finds something. Raises AssertionError after half a minute."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited in vain for {what}")


@dataclass(frozen=True)
class GatewayProcess:
    """A gateway that runs: its address, and what it writes down."""

    url: str
    pid: int
    decisions: Path

    def records(self, key: str, count: int = 1) -> list[dict[str, Any]]:
        """The decision records of one API key, as soon as there are `count` of them."""
        identity = load_config(None, {"identity.secret": SECRET}).identity
        principal = key_principal(key.encode(), identity_secret(identity))

        def look() -> list[dict[str, Any]] | None:
            # Log rotation: what waits is written at once, and not at the end of the second.
            os.kill(self.pid, signal.SIGHUP)
            lines = self.decisions.read_text().splitlines() if self.decisions.exists() else []
            found = [json.loads(line) for line in lines if f'"{principal}"' in line]
            return found if len(found) >= count else None

        return wait_for(look, f"{count} records of {key}")


def write_policies(directory: Path, max_tokens: int = 200) -> Path:
    """A policy directory whose signals read nothing but the User-Agent (see RUNGS).

    `max_tokens` is the cap from the rung `narrow` on.
    """
    signals = {rung: _signal(rung, points) for rung, points in _POINTS.items()}
    # Two policies must agree before anybody is refused.
    policies = {"probe": signals, "second": {"refuse": signals["refuse"]}}
    documents = [
        f"---\nkind: policy\nid: {name}\nversion: 1\ntitle: {name}\nmode: enforce\ncap: 100\n"
        f"signals: {json.dumps(contents)}\n"
        for name, contents in policies.items()
    ]
    directory.mkdir()
    (directory / "test.yaml").write_text("".join([*documents, _LADDER % max_tokens]))
    return directory


def _signal(rung: str, points: int) -> dict[str, Any]:
    return {"request": {"client.user_agent": {"contains": f"rung-{rung}"}}, "points": points}


@contextmanager
def run_gateway(
    directory: Path,
    upstream: str,
    mode: str,
    policies: Path = SHIPPED,
    unknown_routes: Literal["pass", "deny"] = "pass",
    more: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[GatewayProcess]:
    """`gateway serve` on free ports with all its files in `directory`; ended by SIGTERM on leaving.

    `more` are further settings by section. Raises AssertionError if it does not start, does not end cleanly,
    or has logged a traceback.
    """
    directory.mkdir(exist_ok=True)
    settings = directory / "config.yaml"
    options = {
        "identity": {"secret": SECRET},
        "server": {"drain": "1s", "unknown_routes": unknown_routes},
        "log": {"level": "warning"},
        **(more or {}),
    }
    settings.write_text(json.dumps(options))
    command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(settings)]
    command += ["--policies", str(policies), "--mode", mode, "--upstream", upstream]
    command += ["--port", "0", "--admin-port", "0"]
    log = directory / "gateway.log"
    with log.open("wb") as errors, subprocess.Popen(command, stderr=errors, cwd=directory) as process:
        try:
            url = wait_for(lambda: _announced(process, log), "the gateway's start")
            yield GatewayProcess(url, process.pid, directory / "var" / "decisions.jsonl")
        finally:
            status = _end(process)
    assert "Traceback" not in log.read_text(), log.read_text()
    assert status == 0, f"exit status {status}: {log.read_text()}"


def _announced(process: subprocess.Popen[bytes], log: Path) -> str | None:
    """The address, which is announced once the port is listening."""
    assert process.poll() is None, log.read_text()
    found = _ANNOUNCED.search(log.read_text())
    return found[1] if found else None


def _end(process: subprocess.Popen[bytes]) -> int:
    process.terminate()
    try:
        return process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()

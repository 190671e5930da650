"""Ways around a naive filter, each of which works on the real server and none through an enforcing gateway.

Measured on the same engine before the gateway was written; the numbers of the cases are those of the
list there. Whatever comes out is searched as bytes and as JSON, wherever in the answer it stands.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import pytest

from tests.processes import GatewayProcess
from tests.real.conftest import MOST_TOKENS
from tests.real.model_server import ModelServer

Body = dict[str, Any]

ALLOWED_TOP = 5
HIDDEN = (-9999.0, 0.0)
"""What stands in place of the value of a token outside the best ones, as a log-probability and linear."""

MESSAGES = [{"role": "system", "content": ""}, {"role": "user", "content": "Tell me a story."}]
_ROUTES: dict[str, tuple[Body, str]] = {
    "/v1/chat/completions": ({"messages": MESSAGES, "max_tokens": 3}, "top_logprobs"),
    "/v1/completions": ({"prompt": "Once upon", "max_tokens": 3}, "logprobs"),
    "/completion": ({"prompt": "Once upon", "n_predict": 3}, "n_probs"),
    "/v1/responses": ({"input": MESSAGES, "max_output_tokens": 3}, "top_logprobs"),
}
"""A harmless body of each route, and the key that asks for alternatives there."""

_ZEBRA = {"const": "zebra"}
_FORMAT = {"type": "json_schema", "json_schema": {"name": "z", "schema": _ZEBRA}}
_ATTACKS: dict[str, tuple[int, Body]] = {
    "1 no cap": (60, {}),
    "2 n_probs beside logprobs off": (0, {"n_probs": 60}),
    "4 verbose copy": (60, {"verbose": True}),
    "5 after sampling": (60, {"post_sampling_probs": True, "temperature": 1.5, "seed": 1}),
    "8 forced by grammar": (1, {"grammar": 'root ::= "zebra"'}),
    "8 forced by json_schema": (1, {"json_schema": _ZEBRA}),
    "8 forced by response_format": (1, {"response_format": _FORMAT}),
    "high temperature": (1, {"temperature": 1e6, "top_k": 0, "top_p": 1, "min_p": 0, "seed": 1}),
    "bias": (1, {"logit_bias": [[9000, 100]]}),
    "several choices by an alias": (60, {"n_cmpl": 3}),
}
"""Alternatives asked for in the route's own way, and what else is in the body."""

_SILENT = "/v1/responses"
"""This engine's Responses know no probabilities: a few attacks are enough to see that none come."""

_MATRIX = [(path, name) for path in _ROUTES for name in _ATTACKS if path != _SILENT or name[0] in "1245"]

_numbers = itertools.count(1)


def ask(url: str, path: str, body: Body, rung: str = "none") -> tuple[bytes, str]:
    """The answer's bytes, and the key under which it was asked: a new one each time."""
    key = f"sk-bypass-{next(_numbers)}"
    headers = {
        "content-type": "application/json",
        "user-agent": f"rung-{rung}",
        "authorization": f"Bearer {key}",
    }
    request = urllib.request.Request(url + path, json.dumps({"model": "m", **body}).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return bytes(answer.read()), key


def attack(path: str, name: str, *, stream: bool) -> Body:
    base, key = _ROUTES[path]
    top, extra = _ATTACKS[name]
    body = {**base, "temperature": 0, "stream": stream, **extra}
    if key == "top_logprobs":
        body["logprobs"] = top > 0
    if top:
        body[key] = top
    return body


def messages(raw: bytes) -> list[Any]:
    """Every JSON value in an answer or a stream of events."""
    if not raw.startswith((b"data:", b"event:")):
        return [json.loads(raw)]
    lines = [line[5:].strip() for line in raw.split(b"\n") if line.startswith(b"data:")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


@dataclass
class Found:
    """What an answer tells about probabilities."""

    widest: int = 0
    """Most alternatives in one list."""
    values: int = 0
    exact: int = 0
    """Values that are neither rounded to two places nor hidden."""
    stray: int = 0
    """Keys that belong to no API: copies, rendered prompts, settings."""


_STRAY = {"__verbose", "generation_settings", "prompt", "top_probs", "token_ids"}
_ENTRIES = ("top_logprobs", "top_probs", "probs")


def search(value: Any, found: Found) -> Found:
    """Count what stands anywhere in a JSON value."""
    if isinstance(value, list):
        for item in value:
            search(item, found)
    if isinstance(value, dict):
        for key, item in value.items():
            found.stray += key in _STRAY
            if key in _ENTRIES and isinstance(item, list):
                found.widest = max(found.widest, len(item))
            if key in ("logprob", "prob"):
                found.values += 1
                found.exact += item not in HIDDEN and not math.isclose(item, round(item, 2), abs_tol=1e-9)
            search(item, found)
    return found


_NUMBERS = re.compile(rb'"[^"\\]*prob[^"\\]*" *: *(?!null|false|\[ *\]|\[ *\{|\{)')
_ANY = re.compile(rb'"[^"\\]*(?:prob|__verbose|logit)[^"\\]*" *: *(?!null|\[ *\])')


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("path", "name"), _MATRIX)
def test_a_bypass_of_a_naive_filter_is_closed(
    path: str, name: str, stream: bool, model: ModelServer, enforce: GatewayProcess
) -> None:
    body = attack(path, name, stream=stream)
    direct = search(messages(ask(model.base_url, path, body)[0]), Found())
    # The case must leak without the gateway, or it would show nothing.
    assert (direct.values > 0) is (path != _SILENT)
    raw, _ = ask(enforce.url, path, body, "narrow")
    narrowed = search(messages(raw), Found())
    assert narrowed.widest <= ALLOWED_TOP
    assert (narrowed.exact, narrowed.stray) == (0, 0)
    granted = name.startswith(("1 ", "4 ", "several")) or (name.startswith("2 ") and path == "/completion")
    assert (narrowed.values > 0) is (granted and path != _SILENT)
    raw, _ = ask(enforce.url, path, body, "throttle")
    assert _ANY.findall(raw) == []
    assert search(messages(raw), Found()) == Found()


def test_the_search_sees_what_the_server_says_beyond_its_api(model: ModelServer) -> None:
    raw, _ = ask(
        model.base_url, "/v1/chat/completions", attack("/v1/chat/completions", "4 verbose copy", stream=False)
    )
    found = search(messages(raw), Found())
    assert (found.widest, found.exact > 0, found.stray > 1) == (60, True, True)
    assert len(_ANY.findall(raw)) > len(_NUMBERS.findall(raw)) > 300


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", _ROUTES)
def test_an_alias_of_the_limit_does_not_lift_the_cap(
    path: str, stream: bool, model: ModelServer, enforce: GatewayProcess
) -> None:
    # Bypass 3: `n_predict` overrides the API's own name.
    body = {**_ROUTES[path][0], "n_predict": 40, "temperature": 0, "ignore_eos": True, "stream": stream}
    body["stream_options"] = {"include_usage": True}

    def tokens(url: str) -> int:
        counts = re.findall(
            rb'"(?:completion_tokens|tokens_predicted|output_tokens)" *: *(\d+)',
            ask(url, path, body, "narrow")[0],
        )
        return max(map(int, counts))

    assert tokens(model.base_url) == 40
    assert 0 < tokens(enforce.url) <= MOST_TOKENS


def test_several_prompts_are_counted_and_narrowed_each(model: ModelServer, enforce: GatewayProcess) -> None:
    # Bypass 7: one HTTP request is not one query.
    body = {"prompt": ["Once", "Twice", "Never"], "n_predict": 2, "n_probs": 60, "temperature": 0}
    direct = search(messages(ask(model.base_url, "/completion", body)[0]), Found())
    assert (direct.widest, direct.values) == (60, 3 * 2 * 61)
    raw, key = ask(enforce.url, "/completion", body, "narrow")
    narrowed = search(messages(raw), Found())
    assert (narrowed.widest, narrowed.values, narrowed.exact) == (ALLOWED_TOP, 3 * 2 * (1 + ALLOWED_TOP), 0)
    assert enforce.records(key)[0]["features"]["prompts"] == 3


@pytest.mark.parametrize("path", ["/slots", "/props", "/metrics", "/tokenize", "/lora-adapters"])
def test_the_engines_own_routes_are_closed_where_unknown_routes_are_denied(
    path: str, enforce: GatewayProcess
) -> None:
    # Bypass 6.
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(enforce.url + path, timeout=30)
    with raised.value as error:
        assert (error.code, json.load(error)["error"]["code"]) == (404, "unknown_route")


@pytest.mark.parametrize(
    "path", ["/chat/completions", "/v1/chat/completion%73", "/v1/chat/completions?x=1", "/completions"]
)
def test_another_spelling_that_the_server_takes_is_no_way_around(
    path: str, model: ModelServer, enforce: GatewayProcess
) -> None:
    # `/completions` without `/v1` is the engine's own API.
    body = {**attack("/v1/chat/completions", "1 no cap", stream=False), "prompt": "Once", "n_probs": 60}
    assert search(messages(ask(model.base_url, path, body)[0]), Found()).widest == 60
    narrowed = search(messages(ask(enforce.url, path, body, "narrow")[0]), Found())
    assert (narrowed.widest, narrowed.exact) == (ALLOWED_TOP, 0)


def test_what_an_honest_client_asks_for_at_the_narrow_rung_is_what_the_model_says(
    model: ModelServer, enforce: GatewayProcess
) -> None:
    body = {"prompt": "Once upon a time", "n_predict": 6, "n_probs": 3, "temperature": 0}
    [direct] = messages(ask(model.base_url, "/completion", body)[0])
    [narrowed] = messages(ask(enforce.url, "/completion", body, "narrow")[0])
    assert narrowed["content"] == direct["content"]

    def rounded(entries: list[Body]) -> list[Body]:
        tops = [
            [{**top, "logprob": round(top["logprob"], 2)} for top in one["top_logprobs"]] for one in entries
        ]
        return [
            {**one, "logprob": round(one["logprob"], 2), "top_logprobs": top}
            for one, top in zip(entries, tops, strict=True)
        ]

    assert narrowed["completion_probabilities"] == rounded(direct["completion_probabilities"])

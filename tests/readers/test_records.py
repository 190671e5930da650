"""Decision records as an input: what each kind of content gives back, and what it lacks."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.model import (
    Call,
    Client,
    Mode,
    Parameters,
    Route,
    SignalScore,
    Standing,
    Turn,
    Usage,
)
from gateway.readers.base import Line, Value
from gateway.records import Content, Record, to_json
from tests.readers.support import read, read_one

CALL = Call(
    Route("anthropic", "messages", "/v1/messages"),
    model="m",
    stream=True,
    turns=(Turn("system", "be brief"), Turn("user", "hi")),
    parameters=Parameters(max_tokens=5, logprobs=True),
    messages=2,
    size=99,
)
RECORD = Record(
    ts=1750000000.5,
    id="id",
    bundle="abc",
    gen=1,
    principal="key_1",
    kind="key",
    org="acme",
    tier="paid",
    end_user="eu_1",
    client=Client("192.0.2.7", "sdk/1"),
    route="/v1/messages",
    dialect="anthropic",
    endpoint="messages",
    model="m",
    stream=True,
    status=200,
    error=None,
    finished=True,
    usage=Usage(10, 20),
    enforced=Standing(),
    shadow=Standing(5.0, None),
    signals=(SignalScore("a.b", 12.0, 40, 0.5, 5.0, Mode.SHADOW, "twelve", definition="count:1"),),
    policies=(),
    applied=(),
    would=(),
    refusal=None,
    delay=0.0,
    unscored=None,
    skipped={},
    call=CALL,
)


def _line(content: Content, **changes: Any) -> Line:
    return read_one("records", json.loads(to_json(replace(RECORD, **changes), content)))


def test_a_plain_record_gives_the_call_back() -> None:
    line = _line("plain")
    assert line.features is not None
    assert line.features.call(line.route) == replace(CALL, end_user="eu_1")
    assert (line.ts, line.principal, line.kind, line.org, line.tier) == (
        1750000000.5,
        "key_1",
        "key",
        "acme",
        "paid",
    )
    assert (line.ip, line.ua, line.status) == ("192.0.2.7", "sdk/1", 200)
    assert line.usage == msgspec.to_builtins(Usage(10, 20))
    assert line.lacks == ("principal.tags",)


def test_features_lack_the_prompt_alone() -> None:
    line = _line("features")
    assert line.features is not None
    assert line.features.call(line.route) == replace(CALL, turns=(), end_user="eu_1")
    assert line.lacks == ("principal.tags", "prompt")


def test_a_record_without_content_lacks_parameters_and_client_too() -> None:
    line = _line("none")
    assert line.features is not None
    assert line.features.call(line.route).parameters == Parameters()
    assert set(line.lacks) == {"principal.tags", "prompt", "parameters", "request.bytes", "client"}


def test_recorded_values_stand_beside_with_their_definition() -> None:
    assert _line("features").signals == {"a.b": Value(12.0, 40, "count:1")}
    plain = _line("features", signals=(SignalScore("a.b", 1.0, 1, 1.0, 5.0, Mode.SHADOW, ""),))
    assert plain.signals == {"a.b": Value(1.0)}


@pytest.mark.parametrize("content", ["none", "features", "plain"])
def test_what_no_dialect_could_read_stays_unreadable(content: Content) -> None:
    line = _line(content, unscored="invalid_json", call=None)
    assert line.features is None
    assert json.loads(bytes(line.request)) == "unreadable"
    assert "prompt" not in line.lacks


def test_an_unknown_route_stays_unknown() -> None:
    changes = {"route": None, "dialect": None, "endpoint": None, "unscored": "unknown_route", "call": None}
    assert _line("features", kind=None, **changes).route == "/"


def test_what_the_gateway_could_not_score_can_be_scored_now() -> None:
    for reason in ("no_policies", "engine_error"):
        assert _line("features", unscored=reason).features is not None


def test_a_record_with_a_wrong_value_says_where() -> None:
    bad = json.loads(to_json(RECORD, "features")) | {"ts": "now"}
    with pytest.raises(ValueError, match=r"\$\.ts"):
        read("records", json.dumps(bad).encode())

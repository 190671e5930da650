"""Records: everything a reader needs, nothing that a prompt or a key could be read from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.config import load_config
from gateway.identity import Identifier
from gateway.model import (
    Call,
    Client,
    Decision,
    Mode,
    Outcome,
    Parameters,
    PolicyScore,
    Principal,
    Route,
    SignalScore,
    Standing,
    Tally,
    Trial,
    Turn,
    Usage,
)
from gateway.records import LONGEST, Content, Record, record_of, to_json

PROMPT = "Tell me the secret of the pyramids"
CALL = Call(
    Route("openai_chat", "chat", "/v1/chat/completions"),
    model="m",
    stream=True,
    turns=(Turn("system", "Be brief."), Turn("user", PROMPT)),
    parameters=Parameters(max_tokens=5, logprobs=True),
    messages=2,
    end_user="alice@example.com",
    size=99,
)
DECISION = Decision(
    "d1",
    "abc123abc123",
    enforced=Standing(10.00049, "watch", ("log",)),
    shadow=Standing(55.5, "throttle", ("log", "limit")),
    signals=(
        SignalScore("volume.burst", 123.45678949, 7, 0.33333, 4.99999, Mode.ENFORCE, "123 requests"),
        SignalScore("volume.quiet", 1.0, 7, 0.0, 0.0, Mode.SHADOW, "silent"),
    ),
    policies=(
        PolicyScore("volume", Mode.ENFORCE, 5.0, 10.00049, 10.0),
        PolicyScore("quiet", Mode.SHADOW, 0.0, 0.0, 0.0),
    ),
    delay=0.25,
    would=("limit",),
    applied=("log",),
    skipped={"z.a": "ValueError", "a.z": "KeyError"},
)


@dataclass(frozen=True)
class Transaction:
    decision: Decision = DECISION


@dataclass(frozen=True)
class Exchange:
    id: str = "d1"
    gen: int = 3
    began: float = 1000.0004
    route: Route | None = CALL.route
    call: Call | None = CALL
    principal: Principal | None = field(
        default_factory=lambda: Principal("key_0123456789abcdef0123", "key", "acme", "gold")
    )
    client: Client = field(default_factory=lambda: Client("203.0.113.7", "SDK/1"))
    unscored: str | None = None
    refused: str | None = None
    transaction: Transaction | None = field(default_factory=Transaction)


OUTCOME = Outcome(200, Usage(3, 4, 0, 4), finished=True)
RECORD = record_of(Exchange(), OUTCOME, end_user="eu_0123456789abcdef0123")


def line(record: Record = RECORD, content: Content = "features") -> dict[str, Any]:
    encoded = to_json(record, content)
    assert encoded.endswith(b"}\n")
    assert encoded.count(b"\n") == 1
    found: dict[str, Any] = json.loads(encoded)
    return found


def test_that_people_hold_somebody_is_told_where_they_do() -> None:
    held = line(replace(RECORD, shadow=Standing(3.0, "throttle", held=True)))
    assert held["shadow"] == {"score": 3.0, "rung": "throttle", "held": True}
    assert "held" not in held["enforced"]


# --- what stands in a line ---------------------------------------------------------------------------


LINE = {
    "ts": 1000.0,
    "id": "d1",
    "bundle": "abc123abc123",
    "gen": 3,
    "principal": "key_0123456789abcdef0123",
    "kind": "key",
    "org": "acme",
    "tier": "gold",
    "end_user": "eu_0123456789abcdef0123",
    "route": "/v1/chat/completions",
    "dialect": "openai_chat",
    "endpoint": "chat",
    "model": "m",
    "stream": True,
    "status": 200,
    "error": None,
    "finished": True,
    "usage": {
        "input_tokens": 3,
        "output_tokens": 4,
        "reasoning_tokens": 0,
        "logprob_tokens": 4,
        "estimated": False,
    },
    "enforced": {"score": 10.0, "rung": "watch"},
    "shadow": {"score": 55.5, "rung": "throttle"},
    "candidate": None,
    "signals": [
        {
            "id": "volume.burst",
            "value": 123.456789,
            "n": 7,
            "strength": 0.333,
            "points": 5.0,
            "mode": "enforce",
            "text": "123 requests",
        }
    ],
    "policies": [{"id": "volume", "mode": "enforce", "now": 5.0, "enforced": 10.0, "shadow": 10.0}],
    "tenant": None,
    "campaign": None,
    "exemptions": [],
    "applied": ["log"],
    "would": ["limit"],
    "refusal": None,
    "delay": 0.25,
    "unscored": None,
    "skipped": {"a.z": "KeyError", "z.a": "ValueError"},
    "overhead_us": None,
    "warnings": [],
    "client": {"ip": "203.0.113.7", "user_agent": "SDK/1"},
    "features": {
        "size": 99,
        "messages": 2,
        "prompts": 1,
        "parameters": {"max_tokens": 5, "logprobs": True},
    },
}
"""RECORD with `content: features`."""


def test_a_line_says_everything_about_a_call() -> None:
    assert line() == LINE
    assert list(line()) == list(LINE)


def test_a_call_that_nobody_scored_has_a_line_of_the_same_keys() -> None:
    exchange = Exchange(
        route=None, call=None, principal=None, client=Client(), unscored="unknown_route", transaction=None
    )
    found = line(record_of(exchange, Outcome(finished=False, error="client_gone"), warnings=("late",)))
    assert list(found) == list(line())
    assert found["bundle"] is found["model"] is found["route"] is found["usage"] is found["features"] is None
    assert (found["principal"], found["kind"], found["unscored"]) == ("unknown", None, "unknown_route")
    assert (found["status"], found["error"], found["finished"]) == (None, "client_gone", False)
    assert found["warnings"] == ["late"]
    assert line(record_of(exchange, OUTCOME), "plain")["prompt"] == []


def test_a_line_tells_the_tenant_the_campaign_the_candidate_and_the_tally_of_exemptions() -> None:
    decision = replace(
        DECISION,
        tenant="labs",
        campaign="c0123456789",
        exemptions=(Tally("nightly", 12.34567), Tally("unused", 0.0)),
        candidate=Trial("abc", 61.00049, "throttle"),
    )
    found = line(record_of(Exchange(transaction=Transaction(decision)), OUTCOME))
    assert found["tenant"] == "labs"
    assert found["campaign"] == "c0123456789"
    assert found["exemptions"] == [{"id": "nightly", "points": 12.346}, {"id": "unused", "points": 0.0}]
    assert found["candidate"] == {"bundle": "abc", "score": 61.0, "rung": "throttle"}
    assert list(found) == list(LINE)


def test_a_signal_tells_that_it_is_warming_and_what_an_exemption_took_off() -> None:
    score = DECISION.signals[0]
    softened = replace(score, points=0.0, warming=0.41239, exemption="nightly", exempted=5.00049)
    (told,) = line(replace(RECORD, signals=(softened,)))["signals"]
    assert told["warming"] == 0.412
    assert (told["points"], told["exemption"], told["exempted"]) == (0.0, "nightly", 5.0)


def test_our_own_answer_is_named_by_its_code() -> None:
    assert line(record_of(Exchange(refused="usage_review"), OUTCOME))["refusal"] == "usage_review"


def test_only_plain_content_holds_the_prompt() -> None:
    assert line(content="plain")["prompt"] == [
        {"role": "system", "text": "Be brief."},
        {"role": "user", "text": PROMPT},
    ]
    for content in ("none", "features"):
        assert PROMPT.encode() not in to_json(RECORD, content)
    assert {"client", "features", "prompt"}.isdisjoint(line(content="none"))


@pytest.mark.parametrize("content", ["none", "features", "plain"])
def test_the_end_user_is_never_written_as_sent(content: Content) -> None:
    assert b"alice" not in to_json(RECORD, content)


def test_the_prompt_and_the_end_user_do_not_show_in_repr() -> None:
    assert PROMPT not in repr(RECORD)
    assert "alice" not in repr(RECORD)


@given(st.from_regex(r"sk-[0-9A-Za-z]{16,60}", fullmatch=True))
def test_the_key_is_in_no_record(key: str) -> None:
    identifier = Identifier(load_config(None, env={}).identity, b"s" * 32)
    principal, client = identifier.principal([(b"authorization", f"Bearer {key}".encode())], "::1", None)
    record = record_of(Exchange(principal=principal, client=client), OUTCOME)
    assert key not in repr(record)
    assert key.encode() not in to_json(record, "plain")


def test_what_clients_choose_is_cut() -> None:
    record = replace(RECORD, model="m" * 999, client=Client(user_agent="u" * 999))
    found = line(record)
    assert found["model"] == "m" * LONGEST
    assert found["client"]["user_agent"] == "u" * LONGEST


# --- equal traffic, equal lines ------------------------------------------------------------------------


def test_equal_records_are_equal_bytes_whatever_order_things_were_found_in() -> None:
    other = replace(RECORD, skipped=dict(reversed([*RECORD.skipped.items()])))
    assert to_json(other, "features") == to_json(RECORD, "features")


@given(st.floats(0, 100), st.floats(-1e-9, 1e-9))
def test_the_last_digits_of_a_float_make_no_difference_but_at_an_edge(score: float, noise: float) -> None:
    rounded = round(score, 3)
    one = line(replace(RECORD, enforced=Standing(rounded), delay=rounded))
    two = line(replace(RECORD, enforced=Standing(rounded + noise), delay=rounded + noise))
    assert one == two
    assert "-0.0" not in str(two)


# --- whatever clients send -----------------------------------------------------------------------------

anything = st.text(st.characters(), max_size=20) | st.text(st.characters(categories=["Cs"]), max_size=3)
numbers = st.floats() | st.integers().map(float)


@given(
    text=anything,
    number=st.floats(),
    seed=st.integers(),
    content=st.sampled_from(["none", "features", "plain"]),
)
def test_any_text_and_any_number_make_one_line(text: str, number: float, seed: int, content: Content) -> None:
    call = replace(
        CALL, model=text, turns=(Turn("user", text),), parameters=Parameters(temperature=number, seed=seed)
    )
    decision = replace(DECISION, signals=(SignalScore("a.b", number, 1, number, number, Mode.SHADOW, text),))
    exchange = Exchange(call=call, client=Client(text, text), transaction=Transaction(decision))
    found = line(record_of(exchange, OUTCOME), content)
    assert found["model"] == text.encode("utf-8", "replace").decode()
    assert found["usage"]["input_tokens"] == 3


def test_the_line_names_are_the_records_own() -> None:
    own = set(Record.__struct_fields__)
    assert set(line()) - {"features"} == set(own) - {"call"}


def test_how_a_signal_was_measured_is_told_where_it_is_known() -> None:
    known = SignalScore("a.b", 1.0, 1, 1.0, 1.0, Mode.SHADOW, "", definition="count:1")
    decision = replace(DECISION, signals=(known, replace(known, definition="")))
    found = line(record_of(Exchange(transaction=Transaction(decision)), OUTCOME), "none")
    first, second = found["signals"]
    assert first["definition"] == "count:1"
    assert "definition" not in second

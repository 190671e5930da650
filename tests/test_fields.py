"""The vocabulary of conditions: every field reads what it says, and nothing is read too early."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects.routes import resolve
from gateway.fields import FIELDS, Facts
from gateway.model import Call, Client, Outcome, Parameters, Principal, Route, Turn, Usage

CALL = Call(
    Route("openai_chat", "chat", "/v1/chat/completions"),
    model="m",
    stream=True,
    turns=(Turn("system", "old"),),
    parameters=Parameters(
        max_tokens=1,
        n=2,
        best_of=3,
        temperature=0.4,
        top_p=0.5,
        seed=6,
        stop=7,
        logprobs=True,
        top_logprobs=8,
        prompt_logprobs=9,
        logit_bias=10,
        echo=True,
        grammar=True,
        tools=11,
        reasoning=True,
        batch=True,
    ),
    prompts=12,
    messages=13,
    end_user="eu",
    size=14,
)
FACTS = Facts(
    call=CALL,
    principal=Principal("p", "header", "o", "free", ("a", "b"), since=1000.0),
    client=Client("192.0.2.1", "curl/8"),
    now=1000.0 + 86_400,
    fresh=(
        Turn("system", "S"),
        Turn("user", "U1"),
        Turn("tool", "T"),
        Turn("user", "U2"),
        Turn("assistant", "A"),
    ),
    outcome=Outcome(200, Usage(15, 16, 17, 18), finished=False, text="R"),
    workload="batch",
)
EXPECTED: dict[str, Any] = {
    "request.endpoint": "chat",
    "request.dialect": "openai_chat",
    "request.route": "/v1/chat/completions",
    "request.model": "m",
    "request.stream": True,
    "request.bytes": 14,
    "request.messages": 13,
    "request.prompts": 12,
    "request.max_tokens": 1,
    "request.n": 2,
    "request.best_of": 3,
    "request.temperature": 0.4,
    "request.top_p": 0.5,
    "request.seed": 6,
    "request.stop": 7,
    "request.logprobs": True,
    "request.top_logprobs": 8,
    "request.prompt_logprobs": 9,
    "request.logit_bias": 10,
    "request.echo": True,
    "request.grammar": True,
    "request.tools": 11,
    "request.reasoning": True,
    "request.batch": True,
    "request.end_user": True,
    "request.replied": False,
    "prompt.user": "U1\nU2",
    "prompt.edges": "U1\nU2",
    "prompt.system": "S",
    "prompt.tool": "T",
    "prompt.text": "S\nU1\nT\nU2\nA",
    "prompt.chars": 5,
    "usage.input_tokens": 15.0,
    "usage.output_tokens": 16.0,
    "usage.reasoning_tokens": 17.0,
    "usage.logprob_tokens": 18.0,
    "response.status": 200,
    "response.finished": False,
    "response.text": "R",
    "principal.id": "p",
    "principal.kind": "header",
    "principal.org": "o",
    "principal.tier": "free",
    "principal.tags": ("a", "b"),
    "principal.age_days": 1.0,
    "profile.kind": "batch",
    "client.ip": "192.0.2.1",
    "client.user_agent": "curl/8",
}


def bare(**changes: Any) -> Facts:
    return Facts(**{"call": CALL, "principal": Principal("p"), "client": Client(), "now": 5e5, **changes})


def test_every_field_is_read_from_its_own_place() -> None:
    assert {name: field.get(FACTS) for name, field in FIELDS.items()} == EXPECTED


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_has_the_kind_it_declares(name: str) -> None:
    value = FIELDS[name].get(FACTS)
    kinds: dict[str, Any] = {"number": (int, float), "text": str, "flag": bool, "list": tuple}
    assert isinstance(value, kinds[FIELDS[name].kind])
    assert isinstance(value, bool) == (FIELDS[name].kind == "flag")
    assert FIELDS[name].doc
    assert FIELDS[name].choices == () or value in FIELDS[name].choices


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_late_exactly_if_the_answer_alone_gives_it(name: str) -> None:
    field = FIELDS[name]
    assert field.late == name.startswith(("usage.", "response."))
    assert field.late == (
        field.get(FACTS) is not None
        and field.get(bare(principal=FACTS.principal, client=FACTS.client)) is None
    )


def test_without_usage_there_are_no_tokens() -> None:
    assert FIELDS["usage.input_tokens"].get(bare(outcome=Outcome(500))) is None


def test_age_counts_from_the_beginning_of_the_account_else_from_the_first_call() -> None:
    age = FIELDS["principal.age_days"].get
    assert age(bare()) is None
    assert age(bare(first_seen=5e5 - 43_200)) == 0.5
    assert age(bare(first_seen=0.0, principal=Principal("p", since=5e5 - 86_400))) == 1.0
    assert age(bare(first_seen=6e5)) == 0.0


def test_texts_are_joined_once_per_call() -> None:
    facts = bare(fresh=(Turn("user", "a"), Turn("user", "b")))
    assert facts.text("user") is facts.text("user")
    assert facts.text("tool") == ""


@pytest.mark.parametrize(
    "target",
    [
        "POST /v1/chat/completions",
        "POST /v1/completions",
        "POST /v1/responses",
        "POST /v1/embeddings",
        "POST /v1/messages",
        "POST /v1/messages/count_tokens",
        "POST /api/chat",
        "POST /api/generate",
        "POST /completion",
        "GET /v1/models",
    ],
)
def test_the_closed_vocabularies_hold_what_a_route_can_say(target: str) -> None:
    route = resolve(*target.split(" "))
    assert route is not None
    assert route.endpoint in FIELDS["request.endpoint"].choices
    assert route.dialect in FIELDS["request.dialect"].choices

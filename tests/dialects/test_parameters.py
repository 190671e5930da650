"""Every alias of every scored parameter is read, and the most generous one counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from gateway.dialects import names, parameters
from gateway.dialects.base import Object
from gateway.dialects.coerce import UNBOUNDED
from gateway.errors import CallError
from gateway.model import Parameters
from tests.dialects.outcome import outcome
from tests.dialects.strategies import bodies


def _read(body: Any, *, zero_is_on: bool = False) -> Parameters:
    return parameters.read(body, names.CHAT, zero_is_on=zero_is_on)


def _put(path: str, value: Any) -> Object:
    outer, dot, inner = path.partition(".")
    return {outer: {inner: value}} if dot else {outer: value}


ALIASES = [
    *((path, 7, "max_tokens", 7) for path in names.CHAT.max_tokens),
    *((path, -1, "max_tokens", UNBOUNDED) for path in names.CHAT.max_tokens),
    *((path, "7", "n", 7) for path in names.CHAT.n),
    *((path, 7.0, "best_of", 7) for path in names.CHAT.best_of),
    *((path, 0.5, "temperature", 0.5) for path in names.CHAT.temperature),
    *((path, "0.5", "top_p", 0.5) for path in names.CHAT.top_p),
    *((path, 3, "seed", 3) for path in names.CHAT.seed),
    *((path, ["a", "b"], "stop", 2) for path in names.STOP),
    *((path, 5, "logprobs", True) for path in names.CHAT.logprobs),
    *((path, 5, "top_logprobs", 5) for path in (*names.CHAT.logprobs, *names.CHAT.top_logprobs)),
    *((path, -1, "top_logprobs", UNBOUNDED) for path in (*names.CHAT.logprobs, *names.CHAT.top_logprobs)),
    *((path, 5, "logprobs", True) for path in names.CHAT.top_logprobs),
    *((path, 5, "prompt_logprobs", 5) for path in names.CHAT.prompt_logprobs),
    *((path, 0, "prompt_logprobs", 1) for path in names.CHAT.prompt_logprobs),
    *((path, {"5": 1}, "logit_bias", 1) for path in names.CHAT.logit_bias),
    *((path, "true", "echo", True) for path in names.CHAT.echo),
    *((path, {"type": "object"}, "grammar", True) for path in names.CHAT.grammar),
    *((path, {}, "grammar", True) for path in names.CHAT.grammar),
    *((path, "root ::= x", "grammar", True) for path in names.CHAT.grammar),
    *((path, {"type": "text"}, "grammar", False) for path in names.CHAT.grammar),
    *((path, "", "grammar", False) for path in names.CHAT.grammar),
    *((path, [{}, {}], "tools", 2) for path in names.TOOLS),
    *((path, "high", "reasoning", True) for path in names.REASONING),
    *((path, True, "reasoning", True) for path in names.REASONING),
    *((path, "none", "reasoning", False) for path in names.REASONING),
    *((path, False, "reasoning", False) for path in names.REASONING),
    ("batch", True, "batch", True),
    ("service_tier", "flex", "batch", True),
    ("service_tier", "batch", "batch", True),
    ("service_tier", "auto", "batch", False),
]


@pytest.mark.parametrize(("path", "value", "field", "expected"), ALIASES)
def test_every_alias_is_read(path: str, value: Any, field: str, expected: object) -> None:
    assert getattr(_read(_put(path, value)), field) == expected
    assert _read(_put(path, None)) == Parameters()


def test_the_most_generous_alias_wins() -> None:
    found = _read(
        {
            "max_tokens": 16,
            "n_predict": 200,
            "options": {"num_predict": 50, "temperature": 2},
            "temperature": 0,
            "logprobs": False,
            "n_probs": 50,
            "top_logprobs": 3,
            "n": 1,
            "n_cmpl": 4,
        }
    )
    assert (found.max_tokens, found.temperature, found.n) == (200, 2.0, 4)
    assert (found.logprobs, found.top_logprobs) == (True, 50)


@pytest.mark.parametrize(
    ("value", "chat", "legacy"),
    [
        (True, (True, 0), (True, 1)),
        ("true", (True, 0), (True, 1)),
        (False, (False, 0), (True, 0)),  # pydantic makes it 0, and 0 is on in vLLM's completions
        (0, (False, 0), (True, 0)),
        ("5", (True, 5), (True, 5)),
        (None, (False, 0), (False, 0)),
    ],
)
def test_logprobs_is_a_switch_in_chat_and_a_number_in_completions(
    value: Any, chat: tuple[bool, int], legacy: tuple[bool, int]
) -> None:
    for expected, zero in ((chat, False), (legacy, True)):
        found = _read({"logprobs": value}, zero_is_on=zero)
        assert (found.logprobs, found.top_logprobs) == expected
    assert _read({"n_probs": 0}, zero_is_on=True).logprobs is False


def test_one_stop_string_is_one() -> None:
    assert _read({"stop": "END"}).stop == 1
    assert _read({"stop": "END", "stop_sequences": ["a", "b", "c"]}).stop == 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "enabled", "budget_tokens": 1024}, True),
        ({"type": "adaptive"}, True),
        ({"type": "disabled"}, False),
        ({"type": "enabled", "display": "omitted"}, False),
        ({"effort": "high"}, True),
        ({"effort": "none"}, False),
        ({"enabled": False, "effort": "high"}, False),
        ({"effort": "high", "exclude": True}, False),
        ({"max_tokens": 2000}, True),
        ({}, False),
        (["x"], True),
        (0, False),
    ],
)
def test_reasoning_counts_where_the_client_would_see_it(value: Any, expected: bool) -> None:
    assert _read({"thinking": value}).reasoning is expected


def test_one_bias_set_has_one_fingerprint_in_every_form() -> None:
    forms: list[Any] = [
        {"50256": -100, "11": 1},
        {"11": 1.0, " 50256": "-100"},
        [[11, 1], [50256, -100.0]],
        [["50256", -100], ["11", "1"]],
    ]
    found = [_read({"logit_bias": form}) for form in forms]
    assert {one.logit_bias for one in found} == {2}
    assert len({one.bias_set for one in found}) == 1
    assert found[0].bias_set != 0


def test_other_bias_sets_have_other_fingerprints() -> None:
    forms: list[Any] = [{"1": 1}, {"1": 2}, {"2": 1}, [[1, False]], [[1, None]], [1], ["a"], [1, 2]]
    assert len({_read({"logit_bias": form}).bias_set for form in forms}) == len(forms)
    assert _read({"logit_bias": {}}) == Parameters()
    assert _read({"logit_bias": {"1": 1}, "logprob_token_ids": [1, 2]}).logit_bias == 3


@pytest.mark.parametrize(
    "body",
    [
        {"max_tokens": "many"},
        {"max_tokens": [1]},
        {"n": {}},
        {"logprobs": [True]},
        {"logprobs": "several"},
        {"top_logprobs": "5 or so"},
        {"logit_bias": 5},
        {"logit_bias": "5"},
        {"logit_bias": [{"token": 5, "bias": 1}]},
        {"logit_bias": [[1, 2, 3]]},
        {"logit_bias": {"5": []}},
        {"logit_bias": [[[1], 2]]},
        {"temperature": "hot"},
        {"stop": 5},
        {"tools": {"type": "function"}},
        {"echo": "perhaps"},
        {"seed": 1.5},
        {"prompt_logprobs": {}},
        {"options": {"num_predict": "many"}},
    ],
)
def test_wrong_types_are_refused_by_the_name_of_the_field(body: Object) -> None:
    with pytest.raises(CallError) as caught:
        _read(body)
    assert (caught.value.status, caught.value.code) == (400, "invalid_type")
    assert next(iter(body)) in caught.value.message


@pytest.mark.parametrize("key", ["Logprobs", "TOP_LOGPROBS", "\u017ftream", "Options", "Messages"])
def test_keys_that_a_server_may_take_for_scored_ones_are_refused(key: str) -> None:
    with pytest.raises(CallError) as caught:
        _read({key: True})
    assert caught.value.code == "invalid_key"


def test_unknown_keys_and_odd_parents_are_ignored() -> None:
    assert _read({"whatever": [1], "options": "x", "text": 5, "chat_template_kwargs": [1]}) == Parameters()


@given(bodies)
def test_any_body_gives_parameters_or_one_call_error(body: Object) -> None:
    found = outcome(lambda: _read(body))
    if isinstance(found, CallError):
        assert found.code in ("invalid_type", "invalid_key")
    else:
        assert found.n >= 1
        assert found.top_logprobs >= 0
        assert 0 <= found.bias_set < 2**64

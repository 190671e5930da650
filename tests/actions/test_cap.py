"""Lowering what a request asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.dialects.base import Object
from gateway.model import JSON
from tests.actions.helpers import SPEAKING, action, call, edited, named


def test_every_alias_is_lowered() -> None:
    body: Object = {"max_tokens": 16, "n_predict": 200, "options": {"num_predict": 300, "seed": 1}, "n": 4}
    assert edited(action("cap", max_tokens=100, n=2), body) == {
        "max_tokens": 16,
        "n_predict": 100,
        "options": {"num_predict": 100, "seed": 1},
        "n": 2,
    }


@pytest.mark.parametrize("value", [-1, -2, 101, "101", "-1", 1e300, 10**400])
def test_unbounded_and_disguised_numbers_count_as_above(value: JSON) -> None:
    assert edited(action("cap", max_tokens=100), {"max_tokens": value}) == {"max_tokens": 100}


@pytest.mark.parametrize("value", [0, 1, 100, "100", 99.0])
def test_what_is_within_the_cap_stays(value: JSON) -> None:
    assert edited(action("cap", max_tokens=100), {"max_tokens": value}) is None


def test_an_open_end_is_closed_by_the_dialects_own_name() -> None:
    cap = action("cap", max_tokens=100)
    assert edited(cap, {"prompt": "x"}, "llamacpp") == {"prompt": "x", "n_predict": 100}
    assert edited(cap, {"messages": []}, "ollama") == {"messages": [], "options": {"num_predict": 100}}
    assert edited(cap, {"input": "x"}, "openai_responses") == {"input": "x", "max_output_tokens": 100}
    assert edited(cap, {"max_tokens": None, "n_predict": None}) == {"max_tokens": 100, "n_predict": None}
    assert edited(cap, {"max_tokens": None, "n_predict": 5}) is None


def test_what_is_not_capped_stays() -> None:
    assert edited(action("cap", n=1), {"max_tokens": -1, "best_of": 9, "logprobs": 9}) is None
    assert edited(action("cap", best_of=2), {"best_of": 9, "n": 9}) == {"best_of": 2, "n": 9}


def test_alternatives_are_lowered_under_every_name_and_switches_stay() -> None:
    cap = action("cap", top_logprobs=5)
    body: Object = {"logprobs": True, "top_logprobs": 20, "n_probs": -1, "prompt_logprobs": 9}
    assert edited(cap, body) == {"logprobs": True, "top_logprobs": 5, "n_probs": 5, "prompt_logprobs": 5}
    assert edited(cap, {"prompt": "x", "logprobs": 20}, "openai_completions") == {
        "prompt": "x",
        "logprobs": 5,
    }
    assert edited(cap, {"logprobs": None, "top_logprobs": 2}) is None


def test_a_dialect_without_the_parameter_is_left_alone() -> None:
    class Bare:
        parameters = type(named("openai_chat").parameters)()

    body: Object = {"x": 1}
    act = action("cap", n=1, best_of=1, max_tokens=1, top_logprobs=0)
    assert not act.edit_request(call({}), Bare(), body)  # type: ignore[arg-type]
    assert body == {"x": 1}


_NUMBERS = st.one_of(st.integers(), st.integers().map(str), st.floats(0, 1e9).map(int), st.none())


@given(
    st.sampled_from(SPEAKING),
    st.dictionaries(st.sampled_from(["max_tokens", "n_predict", "num_predict", "n", "best_of"]), _NUMBERS),
)
def test_afterwards_no_reader_finds_more_than_the_cap(dialect: str, body: Object) -> None:
    act = action("cap", max_tokens=64, n=2, best_of=3)
    after = edited(act, body, dialect)
    after = body if after is None else after
    parameters = call(after, dialect).parameters
    assert parameters.max_tokens is not None
    assert parameters.max_tokens <= 64
    assert parameters.n <= 2
    assert parameters.best_of <= 3
    assert edited(act, after, dialect) is None


@pytest.mark.parametrize(
    "options", [{}, {"n": 0}, {"max_tokens": 0}, {"top_logprobs": -1}, {"temperature": 1}]
)
def test_caps_that_mean_nothing_are_errors(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        action("cap", **options)

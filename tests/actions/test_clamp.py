"""Narrowing how answers are sampled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.dialects.base import Object
from tests.actions.helpers import SPEAKING, action, call, edited, named


def test_every_alias_is_lowered() -> None:
    body: Object = {"temperature": 1.4, "options": {"temperature": 0.9, "top_p": 1.0}, "top_p": 0.5}
    assert edited(action("clamp", temperature=0.7, top_p=0.9), body) == {
        "temperature": 0.7,
        "options": {"temperature": 0.7, "top_p": 0.9},
        "top_p": 0.5,
    }


def test_what_is_left_open_is_set_by_the_dialects_own_name() -> None:
    clamp = action("clamp", temperature=0.7)
    assert edited(clamp, {"messages": []}) == {"messages": [], "temperature": 0.7}
    assert edited(clamp, {"messages": []}, "ollama") == {"messages": [], "options": {"temperature": 0.7}}
    assert edited(clamp, {"temperature": None}) == {"temperature": 0.7}


def test_a_clamp_at_the_default_sets_nothing() -> None:
    assert edited(action("clamp", temperature=1, top_p=1), {"messages": []}) is None
    assert edited(action("clamp", temperature=1), {"temperature": 1.5}) == {"temperature": 1.0}


def test_a_temperature_that_wanders_is_held() -> None:
    body: Object = {"temperature": 0.5, "dynatemp_range": 1.5}
    assert edited(action("clamp", temperature=0.7), body, "llamacpp") == {"temperature": 0.5}
    assert edited(action("clamp", top_p=1), body, "llamacpp") is None


def test_a_seed_is_dropped_or_replaced() -> None:
    body: Object = {"seed": 3, "options": {"seed": 4}}
    assert edited(action("clamp", seed="drop"), body) == {"options": {}}
    assert edited(action("clamp", seed="drop"), {"seed": None}) is None
    assert edited(action("clamp", seed=7), body) == {"seed": 7, "options": {"seed": 7}}
    assert edited(action("clamp", seed=7), {"seed": None}) == {"seed": 7}
    assert edited(action("clamp", seed=7), {"seed": 7}) is None
    assert edited(action("clamp", seed=7), {}, "ollama") == {"options": {"seed": 7}}


def test_anthropics_thinking_keeps_the_temperature_that_it_must_have() -> None:
    clamp = action("clamp", temperature=0.5, seed="drop")
    body: Object = {"messages": [], "thinking": {"type": "enabled", "budget_tokens": 2000}}
    assert edited(clamp, body, "anthropic") is None
    assert edited(clamp, {"messages": []}, "anthropic") == {"messages": [], "temperature": 0.5}


def test_what_is_not_generated_is_left_alone() -> None:
    assert edited(action("clamp", temperature=0, seed=1), {"input": "x"}, "embeddings") is None


def test_a_dialect_without_the_parameters_is_left_alone() -> None:
    class Bare:
        parameters = type(named("openai_chat").parameters)()

    body: Object = {"x": 1}
    act = action("clamp", temperature=0, top_p=0.1, seed=1)
    assert not act.edit_request(call({}), Bare(), body)  # type: ignore[arg-type]
    assert body == {"x": 1}


_NUMBERS = st.one_of(st.none(), st.floats(0, 5), st.floats(0, 5).map(str), st.integers(0, 3))


@given(
    st.sampled_from([name for name in SPEAKING if name != "anthropic"]),
    st.dictionaries(st.sampled_from(["temperature", "top_p"]), _NUMBERS),
    st.dictionaries(st.sampled_from(["temperature", "top_p"]), _NUMBERS),
)
def test_afterwards_no_reader_finds_more_than_the_clamp(dialect: str, body: Object, options: Object) -> None:
    act = action("clamp", temperature=0.5, top_p=0.8)
    body = {**body, "options": options}
    after = edited(act, body, dialect)
    after = body if after is None else after
    parameters = call(after, dialect).parameters
    assert parameters.temperature is not None
    assert parameters.temperature <= 0.5
    assert parameters.top_p is not None
    assert parameters.top_p <= 0.8
    assert edited(act, after, dialect) is None


@pytest.mark.parametrize(
    "options",
    [{}, {"temperature": -1}, {"temperature": 3}, {"top_p": 0}, {"seed": -1}, {"seed": "keep"}, {"n": 1}],
)
def test_clamps_that_mean_nothing_are_errors(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        action("clamp", **options)

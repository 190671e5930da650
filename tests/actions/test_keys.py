"""Dotted keys and the numbers behind them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.actions.keys import amount, present, put, speaks
from gateway.dialects.base import Object
from gateway.model import JSON
from tests.actions.helpers import ENDPOINTS, SPEAKING, call


def test_keys_are_found_wherever_they_stand() -> None:
    inner: Object = {"b": None}
    body: Object = {"a": inner, "c": 1, "d": "text"}
    assert list(present(body, ("a.b", "c", "a.x", "d.b", "x.y.z", "e"))) == [(inner, "b"), (body, "c")]


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.one_of(st.none(), st.integers(), st.just({"b": 1})), max_size=3
    ),
    st.sampled_from(["a", "a.b", "a.b.c"]),
)
def test_what_was_put_is_present_and_the_rest_stays(body: Object, key: str) -> None:
    others = {name: value for name, value in body.items() if name != "a"}
    put(body, key, 7)
    assert [holder[last] for holder, last in present(body, (key,))] == [7]
    assert {name: value for name, value in body.items() if name != "a"} == others


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        (2.5, 2.5),
        ("20", 20.0),
        (" -1 ", -1.0),
        ("many", None),
        (True, None),
        (None, None),
        ([1], None),
        ({}, None),
        (10**400, math.inf),
    ],
)
def test_numbers_are_read_as_engines_read_them(value: JSON, number: float | None) -> None:
    assert amount(value) == number


def test_embeddings_and_counts_are_not_generated_text() -> None:
    assert [name for name in ENDPOINTS if speaks(call({}, name))] == SPEAKING
    assert not speaks(call({"messages": []}, "anthropic", "count_tokens"))
    assert not speaks(call({}, "openai_chat", "models"))

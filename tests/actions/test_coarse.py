"""Tokens can be allowed and forbidden, and not weighed against each other."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.actions.coarse import FORCES, coarsen
from gateway.dialects import names
from gateway.dialects.base import Object
from gateway.model import JSON

LEVELS = (-100, 100, False)

BIASES: st.SearchStrategy[JSON] = st.one_of(
    st.floats(),
    st.integers(-(10**400), 10**400),
    st.floats(-100, 100).map(str),
    st.sampled_from([None, True, False, "", "x", [], "1e999", "-1e999"]),
)


def coarse(body: Object, *, masked: bool = False) -> Object | None:
    """The body afterwards; None if it says that nothing changed."""
    copy = deepcopy(body)
    changed = coarsen(copy, names.LLAMACPP, masked=masked)
    assert changed == (copy != body)
    return copy if changed else None


def after(bias: JSON) -> JSON:
    """What becomes of one bias, in the form of a map and in that of a pair; None if it goes."""
    as_map: Any = {"logit_bias": {"7": bias}}
    as_pair: Any = {"logit_bias": [[7, bias]]}
    coarsen(as_map, names.CHAT, masked=False)
    coarsen(as_pair, names.LLAMACPP, masked=False)
    found: JSON = as_map["logit_bias"]["7"] if as_map else None
    assert (as_pair["logit_bias"][0][1] if as_pair else None) == found
    return found


@given(BIASES)
def test_a_bias_says_always_or_never_or_nothing(bias: JSON) -> None:
    found = after(bias)
    assert found is None or found in LEVELS
    if found is not None:
        assert after(found) == found


@given(st.floats(-200, 200), st.floats(-200, 200))
def test_the_order_of_two_biases_never_turns_round(first: float, second: float) -> None:
    low, high = (after(bias) or 0 for bias in sorted((first, second)))
    # What stands there already stays, as a float if it was one.
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    assert low <= high


@given(st.floats(FORCES, 200), st.floats(FORCES, 200))
def test_how_much_a_token_is_raised_makes_no_difference(first: float, second: float) -> None:
    assert after(first) == after(second) == 100
    assert after(-first) == after(-second) == -100


def test_numbers_longer_than_a_float_keep_their_sign() -> None:
    assert (after(10**400), after(-(10**400)), after(math.inf)) == (100, -100, 100)


def test_a_map_of_nudges_goes_and_masks_stay() -> None:
    assert coarse({"logit_bias": {"1": 5, "2": -0.5}, "n": 1}) == {"n": 1}
    assert coarse({"logit_bias": [["no", 5], [3, False]]}) == {"logit_bias": [[3, False]]}
    kept: list[Object] = [
        {"allowed_token_ids": [1, 2], "bad_words": ["a"]},
        {"logit_bias": None},
        {"logit_bias": {"1": -100}},
        {"logit_bias": [[1, 100], [1, 2, 3]]},
        {},
    ]
    for body in kept:
        assert coarse(body) is None


@pytest.mark.parametrize("key", ["temperature", "options.temperature"])
@pytest.mark.parametrize(
    ("asked", "sent"), [(1e6, 2), ("1e6", 2), (2.01, 2), (2, 2), (0, 0), (None, None), ("hot", "hot")]
)
def test_the_temperature_stays_within_what_apis_allow(key: str, asked: JSON, sent: JSON) -> None:
    def body(value: JSON) -> Object:
        return {"options": {"temperature": value}} if "." in key else {"temperature": value}

    assert (coarse(body(asked)) or body(asked)) == body(sent)


@pytest.mark.parametrize("key", names.LLAMACPP.by_degree)
def test_what_weighs_tokens_by_a_number_goes_beside_a_mask_and_stays_alone(key: str) -> None:
    outer, _, inner = key.partition(".")
    body: Object = {outer: {inner: 0.25} if inner else 0.25, "top_p": 0.9}
    left: Object = {outer: {}, "top_p": 0.9} if inner else {"top_p": 0.9}
    assert coarse(body) is None
    assert coarse(body, masked=True) == left

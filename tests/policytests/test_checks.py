from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from gateway.policytests.checks import Check

NUMBERS = st.floats(-1e6, 1e6)


class Holder(BaseModel):
    check: Check


def check(spec: object) -> Check:
    return Holder.model_validate({"check": spec}).check


@given(NUMBERS, NUMBERS)
def test_each_bound_says_what_its_name_says(value: float, bound: float) -> None:
    assert check({"lt": bound}).holds(value) is (value < bound)
    assert check({"lte": bound}).holds(value) is (value <= bound)
    assert check({"gt": bound}).holds(value) is (value > bound)
    assert check({"gte": bound}).holds(value) is (value >= bound)
    assert check({"eq": bound}).holds(value) is not check({"ne": bound}).holds(value)


def test_a_bare_number_means_equal_but_for_the_noise_of_sums() -> None:
    assert check(12).holds(12.0)
    assert check(0.3).holds(0.1 + 0.2)
    assert not check(12).holds(12.1)


def test_all_bounds_must_hold_and_are_named() -> None:
    both = check({"gte": 5, "lt": 20})
    assert [both.holds(value) for value in (4.9, 5, 19.9, 20)] == [False, True, True, False]
    assert str(both) == "≥ 5 and < 20" or str(both) == "< 20 and ≥ 5"


@pytest.mark.parametrize("spec", [{}, {"below": 3}, "20", True, {"lt": "3"}])
def test_anything_else_is_refused(spec: object) -> None:
    with pytest.raises(ValidationError):
        check(spec)

"""Steps over answers of any shape never raise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from gateway.dialects import shapes
from gateway.dialects.base import Object
from gateway.model import JSON
from tests.dialects.strategies import bodies, values


@given(values)
def test_any_value_is_read_without_raising(value: JSON) -> None:
    assert all(isinstance(item, dict) for item in shapes.objects(value))
    counted = shapes.count(value)
    assert counted is None or counted >= 0
    assert shapes.index(value).isdigit()


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (0.5, 0.5),
        (True, None),
        ("1", None),
        (10**400, None),
        (float("inf"), None),
        (float("nan"), None),
    ],
)
def test_only_finite_numbers_are_numbers(value: Any, number: float | None) -> None:
    assert shapes.number(value) == number


def test_counts_add_up_and_zero_is_a_count() -> None:
    assert shapes.total(None, "x") is None
    assert shapes.total(0, None) == 0
    assert shapes.total(2, 3.0, -1) == 5


def test_the_inner_object_is_the_one_that_is_edited() -> None:
    message: Object = {"a": {"b": {"c": 1}}}
    shapes.child(message, "a", "b")["c"] = 2
    assert message == {"a": {"b": {"c": 2}}}
    assert shapes.child(message, "a", "x", "y") == {}


@given(bodies)
def test_keeping_and_dropping_tell_whether_anything_went(holder: Object) -> None:
    copy = dict(holder)
    assert shapes.keep(holder, {"text", "content"}) is (set(copy) > set(holder))
    assert shapes.drop(copy, {"text", "content"}) is bool(holder)
    assert not copy.keys() & holder.keys()

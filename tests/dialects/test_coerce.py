"""Values are read as engines would coerce them; what none would accept names its field."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given

from gateway.dialects import coerce
from gateway.errors import CallError
from gateway.model import JSON
from tests.dialects.outcome import outcome
from tests.dialects.strategies import values


@pytest.mark.parametrize(
    ("value", "number"),
    [(20, 20), (20.0, 20), ("20", 20), (" +20.0 ", 20), ("2_0", 20), (True, 1), (-1, -1), ("-1", -1)],
)
def test_integers_in_any_form(value: Any, number: int) -> None:
    assert coerce.integer(value, "n") == number


@pytest.mark.parametrize("value", ["x", "", "1.5", 1.5, [], {}, "1" * 41, "\u0661", float("nan")])
def test_other_values_are_no_integers(value: Any) -> None:
    with pytest.raises(CallError, match="'n' must be an integer") as caught:
        coerce.integer(value, "n")
    assert (caught.value.status, caught.value.code) == (400, "invalid_type")


@pytest.mark.parametrize(
    ("value", "number"), [(1, 1.0), (0.5, 0.5), ("1e6", 1e6), (" .5", 0.5), ("1_0.", 10.0), (False, 0.0)]
)
def test_numbers_in_any_form(value: Any, number: float) -> None:
    assert coerce.number(value, "t") == number


@pytest.mark.parametrize("value", ["inf", "nan", "x", float("inf"), [], {}])
def test_other_values_are_no_numbers(value: Any) -> None:
    with pytest.raises(CallError, match="'t' must be a number"):
        coerce.number(value, "t")


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", " TRUE", "on", "1", "yes"])
def test_truth_in_any_form(value: Any) -> None:
    assert coerce.boolean(value, "s") is True


@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "Off", "0", "no", ""])
def test_falsehood_in_any_form(value: Any) -> None:
    assert coerce.boolean(value, "s") is False


@pytest.mark.parametrize("value", ["maybe", 2, -1, [], {}])
def test_other_values_are_no_truth_values(value: Any) -> None:
    with pytest.raises(CallError, match="'s' must be a boolean"):
        coerce.boolean(value, "s")


def test_huge_numbers_are_clamped() -> None:
    assert coerce.integer(10**400, "n") == 2**63 - 1
    assert coerce.integer("-" + "9" * 40, "n") == -(2**63 - 1)
    assert coerce.number(10**400, "t") == float(2**63 - 1)


def test_text_and_lists_keep_their_type() -> None:
    assert coerce.text("x", "m") == "x"
    assert coerce.items(None, "l") == []
    for read in (coerce.text, coerce.items):
        with pytest.raises(CallError, match="'f' must be"):
            read(5, "f")


@given(values)
def test_any_value_is_read_or_refused_with_one_error(value: JSON) -> None:
    for read in (coerce.integer, coerce.number, coerce.boolean, coerce.text, coerce.items):
        found = outcome(partial(read, value, "field"))
        assert not isinstance(found, CallError) or found.code == "invalid_type"


def test_null_is_absent() -> None:
    assert coerce.integer(None, "n") is None
    assert coerce.number(None, "n") is None
    assert coerce.boolean(None, "n") is None
    assert coerce.text(None, "n") is None

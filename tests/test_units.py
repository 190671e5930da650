"""Quantities as people write them: with a unit, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway import units
from gateway.units import RateValue, day, duration, percent, rate, size


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (duration, "500ms", 0.5),
        (duration, " 30s ", 30),
        (duration, "1.5m", 90),
        (duration, "24h", 86_400),
        (duration, "7d", 604_800),
        (percent, "0%", 0),
        (percent, "12.5 %", 0.125),
        (percent, "100%", 1),
        (day, "1970-01-01", 0),
        (day, " 2027-02-28 ", 1803772800),
        (day, "2028-02-29", 1835395200),
        (size, 0, 0),
        (size, 4096, 4096),
        (size, "512KB", 512_000),
        (size, "32MiB", 33_554_432),
        (size, "1 GB", 10**9),
        (size, "7", 7),
        (size, "7B", 7),
        (rate, "20/1m", RateValue(20, 60)),
        (rate, "5 / 500ms", RateValue(5, 0.5)),
        (rate, RateValue(1, 2), RateValue(1, 2)),
    ],
)
def test_a_quantity_is_read_with_its_unit(read: Callable[[object], Any], text: object, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (day, "2027-02-29"),
        (day, "2027-13-01"),
        (day, "2027-01-00"),
        (day, "1969-12-31"),
        (day, "28.2.2027"),
        (day, 20270228),
        (duration, "60"),
        (duration, 60),
        (duration, "1w"),
        (duration, "-1s"),
        (duration, "1h30m"),
        (duration, ""),
        (duration, "9" * 400 + "h"),
        (duration, "\u0663h"),
        (percent, "101%"),
        (percent, "0.25"),
        (percent, 0.25),
        (percent, "-1%"),
        (size, -1),
        (size, True),
        (size, 1.5),
        (size, "1TB"),
        (size, None),
        (size, "9" * 5000),
        (rate, "0/1m"),
        (rate, "20"),
        (rate, "20/0s"),
        (rate, "20/m"),
        (rate, 20),
    ],
)
def test_what_hides_its_unit_is_refused(read: Callable[[object], Any], text: object) -> None:
    with pytest.raises(ValueError, match="write"):
        read(text)


@given(st.integers(0, 10**6))
def test_two_spellings_of_one_duration_are_equal(hours: int) -> None:
    assert duration(f"{hours}h") == duration(f"{hours * 60}m") == duration(f"{hours * 3600}s")


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.binary()))
def test_anything_is_a_quantity_or_a_value_error(value: object) -> None:
    found: list[Any] = []
    for read in (duration, percent, size, rate):
        try:
            found.append(read(value))
        except ValueError as error:
            found.append(str(error))
    assert all(item is not None for item in found)


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (units.Duration, "1m", 60.0),
        (units.Percent, "50%", 0.5),
        (units.Size, "1KiB", 1024),
        (units.Rate, "1/1s", RateValue(1, 1.0)),
    ],
)
def test_models_read_quantities_and_refuse_bare_numbers(annotation: Any, text: str, value: object) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    assert adapter.validate_python(text) == value
    with pytest.raises(ValidationError):
        adapter.validate_python(1.5)

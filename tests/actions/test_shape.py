"""Letting answers pass slowly."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.actions.tasks import Pace
from tests.actions.helpers import SPEAKING, action, call


@pytest.mark.parametrize("dialect", SPEAKING)
def test_the_driver_is_told_the_rate(dialect: str) -> None:
    shape = action("shape", tokens_per_second=20, longest="10s")
    assert shape.task(call({"messages": []}, dialect), {}) == Pace(20.0, 10.0)


def test_a_wait_is_at_most_half_a_minute_unless_told() -> None:
    assert action("shape", tokens_per_second=0.5).task(call({}), {}) == Pace(0.5, 30.0)


def test_what_is_not_generated_is_not_slowed_down() -> None:
    assert action("shape", tokens_per_second=20).task(call({"input": "x"}, "embeddings"), {}) is None


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tokens_per_second": 0},
        {"tokens_per_second": 20, "longest": "2m"},
        {"tokens_per_second": 20, "longest": "0s"},
    ],
)
def test_rates_that_mean_nothing_are_errors(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        action("shape", **options)

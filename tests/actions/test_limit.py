"""Slowing down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.model import Take
from tests.actions.helpers import action, call


def test_a_rate_becomes_one_token_per_interval() -> None:
    request = call({"messages": []})
    assert action("limit", requests="20/1m", burst=5).take(request) == Take("limit", 3.0, 5)
    assert action("limit", requests="2/1s").take(request) == Take("limit", 0.5, 1)


@given(st.floats(min_value=0, max_value=1e6))
def test_the_wait_is_honest_within_what_sdks_accept(wait: float) -> None:
    refusal = action("limit", requests="1/1s").exhausted(wait)
    assert refusal is not None
    assert (refusal.status, refusal.code) == (429, "rate_limited")
    assert refusal.retry_after is not None
    assert refusal.retry_after.is_integer()
    assert 1 <= refusal.retry_after <= 120
    assert refusal.retry_after >= min(wait, 120)
    assert refusal.retry_after <= max(wait + 1, 1)


@pytest.mark.parametrize("options", [{}, {"requests": 20}, {"requests": "20/1m", "burst": 0}])
def test_a_limit_without_a_rate_is_an_error(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        action("limit", **options)

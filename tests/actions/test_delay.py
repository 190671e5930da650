"""Waiting."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.actions.helpers import action, call


@pytest.mark.parametrize(("by", "seconds"), [("500ms", 0.5), ("2s", 2.0), ("30s", 30.0)])
def test_each_request_waits_as_long_as_configured(by: str, seconds: float) -> None:
    assert action("delay", by=by).wait(call({"messages": []})) == seconds


@pytest.mark.parametrize("by", ["0s", "31s", "1h", 2, None])
def test_a_wait_must_be_short_and_have_a_unit(by: object) -> None:
    with pytest.raises(ValidationError):
        action("delay", by=by)

"""Marking a call."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.actions.log import Log, Options


def test_true_and_an_empty_mapping_are_the_same() -> None:
    assert Options.model_validate(True) == Options.model_validate({}) == Log(Options()).options


@pytest.mark.parametrize("value", [False, 1, "yes", {"to": "file"}])
def test_anything_else_is_an_error(value: object) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(value)

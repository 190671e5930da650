"""What became of a step that may refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gateway.errors import CallError

T = TypeVar("T")


def outcome(step: Callable[[], T]) -> T | CallError:
    """The step's result, or the CallError that it raised; any other exception is a failure."""
    try:
        return step()
    except CallError as error:
        return error

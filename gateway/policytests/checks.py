"""A promise about one number: `20`, or `{lt: 20, gte: 5}`, all of which must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import ge, gt, le, lt
from typing import Annotated

from pydantic import BeforeValidator, model_validator

from gateway.policies.forms import OrAs
from gateway.policies.schema import Strict

CLOSE = 1e-6
"""Numbers nearer than this are equal: what is compared went through sums of floats."""

_TESTS: Mapping[str, Callable[[float, float], bool]] = {
    "eq": lambda value, wanted: abs(value - wanted) <= CLOSE,
    "ne": lambda value, wanted: abs(value - wanted) > CLOSE,
    "gt": gt,
    "gte": ge,
    "lt": lt,
    "lte": le,
}
_SIGNS = {"eq": "=", "ne": "≠", "gt": ">", "gte": "≥", "lt": "<", "lte": "≤"}


class NumberCheck(Strict):
    """Bounds that a number must keep; a bare number means `eq`."""

    eq: float | None = None
    ne: float | None = None
    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> NumberCheck:
        if not self._bounds():
            raise ValueError(f"write a number, or one of {', '.join(_TESTS)} with one: {{lt: 20}}")
        return self

    def _bounds(self) -> dict[str, float]:
        return {name: bound for name in _TESTS if (bound := getattr(self, name)) is not None}

    def holds(self, value: float) -> bool:
        """Whether the number keeps all bounds."""
        return all(_TESTS[name](value, bound) for name, bound in self._bounds().items())

    def __str__(self) -> str:
        return " and ".join(f"{_SIGNS[name]} {bound:g}" for name, bound in self._bounds().items())


def _number(value: object) -> object:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return {"eq": value} if plain else value


Check = Annotated[NumberCheck, BeforeValidator(_number), OrAs(type="number")]

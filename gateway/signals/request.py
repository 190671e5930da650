"""Signals of one call alone: a yes/no condition, or a number read from a field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, RootModel, WithJsonSchema

from gateway.conditions import Spec
from gateway.fields import FIELDS, Facts
from gateway.model import Measure, Reading
from gateway.signals.base import Context, Detector
from gateway.words import quote, suggest


class RequestOptions(RootModel[Spec]):
    """The condition itself."""


class Request(Detector):
    """Description: whether this call satisfies a condition; needs no ramp.

    Options: a condition over any fields.
    Example: `request: {request.echo: true, request.logprobs: true}`
    """

    name = "request"
    options_type = RequestOptions

    def __init__(self, options: RequestOptions, context: Context) -> None:
        self._condition = context.condition(options.root)
        self.late = self._condition.late
        self.fields = self._condition.fields

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The condition's weight, 0 to 1."""
        return Measure(self._condition.weigh(facts))


_NUMBERS = [field.name for field in FIELDS.values() if field.kind == "number"]


def _number(name: str) -> str:
    if name in _NUMBERS:
        return name
    raise ValueError(f"not a number field: {quote(name)}{suggest(name, _NUMBERS)}")


class FieldOptions(RootModel[Annotated[str, AfterValidator(_number), WithJsonSchema({"enum": _NUMBERS})]]):
    """The field's name."""


class FieldNumber(Detector):
    """Description: a number of this call.

    Options: the name of a number field.
    Example: `field: request.top_logprobs`
    """

    name = "field"
    options_type = FieldOptions

    def __init__(self, options: FieldOptions, context: Context) -> None:
        self._field = FIELDS[options.root]
        self.late = self._field.late
        self.fields = frozenset({self._field.name})

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The number; no verdict where the call does not have it."""
        value = self._field.get(facts)
        return None if value is None else Measure(float(value))  # type: ignore[arg-type]  # kind is number

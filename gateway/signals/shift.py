"""Signals of change: an account that for weeks did one thing, and then does much more of it or another.

What belongs here is which amount is compared; the comparison with an account's own past is the business of
`gateway.stores.series`. A stolen or sold key changes so, and a customer whose product is launched does too:
change says when to look, not what is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace
from pydantic import Field, model_validator

from gateway.conditions import Spec
from gateway.fields import Facts
from gateway.model import Measure, Op, Reading
from gateway.observations import Series
from gateway.signals.base import Context, Detector, Options, fingerprint
from gateway.units import Window

_PERIODS = 56
"""Periods remembered: eight weeks of days."""


class ShiftOptions(Options):
    """What is compared with its past, in which periods, after how many of them, and from which amount on."""

    of: Literal["requests", "output_tokens", "share"]
    """What is compared: an amount, or the share of calls that satisfy `where`."""
    where: Spec | None = None
    """Only calls that satisfy this condition."""
    every: Window
    """The period: 1d."""
    min: int = Field(ge=7, le=28)
    """No verdict before so many periods with calls: 14."""
    least: float = Field(gt=0)
    """What is usual is never taken for less than this in a period."""

    @model_validator(mode="after")
    def _condition(self) -> ShiftOptions:
        if self.of == "share" and not self.where:
            raise ValueError("a share needs 'where': the calls that make it")
        return self


class Shift(Detector):
    """Description: how far an account has come above its own past, in periods' worth of what is usual for it.

    Each period adds what it has above one and a half times the usual and takes off what it has below, never
    to less than 0 (CUSUM): ten times the usual for a day is about 8, twice the usual takes a fortnight for
    as much. The usual is forgotten by half in 14 periods, everything in 56. As a `share`, periods below 20
    calls are left out. No verdict before `min` periods with calls have ended, so never for a new account.

    Options: `of` (requests, output_tokens, share), `where`, `every`, `min`, `least`.
    Example: `shift: {of: output_tokens, every: 1d, min: 14, least: 200000}`
    """

    name = "shift"
    options_type = ShiftOptions

    def __init__(self, options: ShiftOptions, context: Context) -> None:
        self._of, self._min = options.of, options.min
        self._where = context.condition(options.where) if options.where else None
        counted = frozenset({"usage.output_tokens"} if self._of == "output_tokens" else ())
        self.fields = counted | (self._where.fields if self._where else frozenset())
        self._at_end = self._of == "output_tokens" or bool(self._where and self._where.late)
        said = (options.of, options.every, options.min, options.least)
        key = fingerprint("shift", *said, self._where.canonical if self._where else "", context.population)
        self._read = Series(
            key, _PERIODS * options.every, options.min, options.least, self._of == "share", periods=_PERIODS
        )
        self.reads = (self._read,)

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The excess, up to the call before this one."""
        active, _, excess = readings[0].values
        return Measure(excess, int(active)) if active >= self._min else None

    def enter(self, facts: Facts) -> Sequence[Op]:
        """Requests, unless their condition needs the answer."""
        return () if self._at_end else self._count(facts)

    def settle(self, facts: Facts) -> Sequence[Op]:
        """Tokens, and whatever a condition on the answer selects."""
        return self._count(facts) if self._at_end else ()

    def _count(self, facts: Facts) -> Sequence[Op]:
        weight = self._where.weigh(facts) if self._where else 1.0
        if self._of == "output_tokens":
            usage = facts.outcome.usage if facts.outcome else None
            weight *= usage.output_tokens if usage else 0
        if not weight and self._of != "share":
            return ()
        return (replace(self._read, amounts=(weight, 1.0)),)

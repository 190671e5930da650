"""Signals of time: how regular, and how much of the day. Weak alone, because relays add jitter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from gateway.fields import Facts
from gateway.model import Gap, Measure, Op, Reading, Sum
from gateway.signals.base import Context, Detector, Options, fingerprint
from gateway.units import Window


class CadenceOptions(Options):
    """Which measure of time, over which window, and from how many arrivals on."""

    metric: Literal["interval_cv", "active_hours"]
    """How regular the gaps are, or how many hours of the window have a call."""
    over: Window
    """The window: 6h, 24h."""
    min: int = Field(ge=1)
    """No verdict below so many calls."""


class Cadence(Detector):
    """Description: the rhythm of arrivals.

    `interval_cv` is the coefficient of variation of the gaps between calls: a metronome is 0, a Poisson
    stream 1, people above 1. `active_hours` is the number of hours in the window with a call in them.
    No verdict below `min` calls.

    Options: `metric`, `over`, `min`.
    Example: `cadence: {metric: interval_cv, over: 6h, min: 300}`
    """

    name = "cadence"
    options_type = CadenceOptions

    def __init__(self, options: CadenceOptions, context: Context) -> None:
        self._metric, self._over, self._min = options.metric, options.over, options.min
        self._hours = max(1, math.ceil(options.over / 3600))
        self._key = fingerprint("cadence", options.metric, options.over, context.population)
        self.reads = (self._op(arrive=False),)
        self._arrival = (self._op(arrive=True),)

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The metric up to the call before this one, once there were enough."""
        values = readings[0].values
        n, value = (values[0], values[2]) if self._metric == "interval_cv" else (values[0], values[1])
        return Measure(value, int(n)) if n >= self._min else None

    def enter(self, facts: Facts) -> Sequence[Op]:
        """One arrival."""
        return self._arrival

    def _op(self, *, arrive: bool) -> Op:
        if self._metric == "interval_cv":
            return Gap(self._key, self._over, arrive)
        return Sum(self._key, self._over, (float(arrive),), self._hours)

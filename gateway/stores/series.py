"""Amounts per period, and how far they have come above their own past: a one-sided CUSUM (Page 1954).

What belongs here is the one bounded summary behind `Series`: what is added up is `gateway.signals.shift`'s
business. The excess is a function of the rows alone, worked out anew when a period ends, so that replicas
that merge their rows agree, whoever saw what. Of 56 periods there are 1.7 KiB (`nbytes`).

In units of the usual amount, each period adds what it has above 1 + SLACK and takes off what it has below.
The usual is a mean that halves in HALF periods and learns of each at most CLIP times itself, so that one
who changes cannot teach it quickly that this is usual; who grows by less than SLACK in that time never shows.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterator

from gateway.model import Reading
from gateway.observations import Series

HALF = 14
"""Periods in which the usual is half forgotten."""
SLACK = 0.5
CLIP = 2.0
FEW = 20.0
"""Calls that a period must have for its share to mean anything."""
_LEARNS = 1.0 - 0.5 ** (1 / HALF)


class SeriesRows:
    """Rows of (period, amount, calls), oldest first, and what follows from those that have ended."""

    __slots__ = ("past", "period", "reading", "rows", "until")

    def __init__(self) -> None:
        self.rows = array("d")
        self.period = -math.inf
        """The period of which the reading tells."""
        self.past = (0.0, 0.0, 0.0)
        """(periods with calls, the usual, the excess) of those that have ended."""
        self.reading = Reading()
        self.until = -math.inf

    def update(self, op: Series, now: float) -> Reading:
        """Add (if asked) and read; what comes late goes to its own period."""
        span = op.over / op.periods
        period = float(now // span)
        stale = period > self.period
        self.period = max(self.period, period)
        if any(op.amounts):
            self._add(period, *op.amounts)
            stale = stale or period < self.period
        if stale or self.until == -math.inf:
            self._forget(self.period - op.periods)
            self.past = self._compared(op)
            self.until = (self.period + 1) * span
            self._tell(op)
        elif any(op.amounts):
            self._tell(op)
        return self.reading

    def _add(self, period: float, amount: float, calls: float) -> None:
        rows = self.rows
        at = len(rows)
        while at and rows[at - 3] > period:
            at -= 3
        if at and rows[at - 3] == period:
            rows[at - 2] += amount
            rows[at - 1] += calls
        else:
            rows[at:at] = array("d", (period, amount, calls))

    def _forget(self, last: float) -> None:
        while self.rows and self.rows[0] <= last:
            del self.rows[:3]

    def _tell(self, op: Series) -> None:
        """The reading, with what the period that has not ended has above the usual already."""
        (active, usual, excess), rows = self.past, self.rows
        if rows and rows[-3] == self.period and (not op.share or rows[-1] >= FEW):
            value = rows[-2] / rows[-1] if op.share else rows[-2]
            excess += max(0.0, value / usual - 1 - SLACK)
        self.reading = Reading((active, usual, excess))

    def _compared(self, op: Series) -> tuple[float, float, float]:
        usual, excess, active, seen = 0.0, 0.0, 0, 0
        for value in self._values(op.share):
            seen += 1
            active += value > 0 or op.share
            base = max(op.least, usual)
            if seen <= op.history:
                # At first the plain mean.
                usual += (value - usual) / seen
                continue
            excess = max(0.0, excess + value / base - 1 - SLACK)
            usual += _LEARNS * (min(value, CLIP * base) - usual)
        return float(active), max(op.least, usual), excess

    def _values(self, share: bool) -> Iterator[float]:
        """What each period that has ended amounts to, from the first on: 0 without calls; as a share, only
        those with enough of them."""
        expected: float | None = None
        for at in range(0, len(self.rows), 3):
            period, amount, calls = self.rows[at : at + 3]
            if period == self.period:
                break
            if share:
                if calls >= FEW:
                    yield amount / calls
                continue
            for _ in range(int(period - (period if expected is None else expected))):
                yield 0.0
            yield amount
            expected = period + 1
        for _ in range(0 if expected is None else int(self.period - expected)):
            yield 0.0

    def merge(self, other: SeriesRows) -> None:
        """Add the other's rows."""
        for at in range(0, len(other.rows), 3):
            self._add(*other.rows[at : at + 3])
        self.period = max(self.period, other.period)
        self.until = -math.inf

    def nbytes(self) -> int:
        """Bytes held, overheads included."""
        values = sys.getsizeof(self.reading.values) + 24 * 5
        return sys.getsizeof(self) + sys.getsizeof(self.rows) + sys.getsizeof(self.reading) + values + 48

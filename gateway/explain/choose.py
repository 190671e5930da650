"""Which request of a principal is meant: its peak, a time, or a number; and what went before it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gateway.explain.view import Context
from gateway.policies.bundle import Ladder
from gateway.records import Record
from gateway.traffic import Line
from gateway.units import duration

_CLOCK = re.compile(r"([0-9]+):([0-5][0-9]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class At:
    """The request at the highest shadow score, or number `number`, or the last one until `offset` seconds."""

    number: int | None = None
    offset: float | None = None


def at(text: str) -> At:
    """`peak`, `412`, `04:49:10` or `4h`. Raises ValueError."""
    if text == "peak":
        return At()
    if text.isascii() and text.isdigit() and int(text):
        return At(number=int(text))
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = map(int, clock.groups())
        return At(offset=hours * 3600.0 + minutes * 60.0 + seconds)
    try:
        return At(offset=duration(text))
    except ValueError:
        raise ValueError("write peak, a request's number (412) or a time (04:49:10, 4h)") from None


@dataclass(slots=True)
class Chooser:
    """Sees a principal's records in order, and keeps the one that is meant. `began`: start of the trace."""

    wanted: At
    ladder: Ladder
    began: float
    chosen: Record | None = None
    context: Context | None = None
    _count: int = 0
    _first: float | None = None
    _above: dict[str, float] = field(default_factory=dict)

    def add(self, record: Record, line: Line) -> bool:
        """One more; whether later ones may still matter."""
        self._count += 1
        self._first = record.ts if self._first is None else self._first
        for rung in self.ladder.rungs:
            if record.shadow.score < rung.at:
                self._above.pop(rung.id, None)
            else:
                self._above.setdefault(rung.id, record.ts)
        if self.wanted.offset is not None and record.ts - self.began > self.wanted.offset:
            return False
        if self._meant(record):
            since = self._first if line.since is None else line.since
            self.chosen = record
            self.context = Context(since, self.began, self._count, dict(self._above))
        return self._count != self.wanted.number

    def _meant(self, record: Record) -> bool:
        if self.wanted.number is not None:
            return self._count == self.wanted.number
        if self.wanted.offset is not None:
            return True
        return self.chosen is None or record.shadow.score > self.chosen.shadow.score

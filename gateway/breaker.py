"""Signals that keep failing are left out for a while: of each call they would cost the time of an exception.

One breaker goes with each plan, and makes the plan without the signals that are open, so that a call pays
nothing for signals that work. A new bundle begins with a new breaker. Times are those of the calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from gateway.budget import OverBudgetError

FAILURES = 20
WITHIN = 60.0
"""So many failures within so many seconds open a signal's breaker."""
OPEN_FOR = 60.0
"""Seconds until it is tried again."""
OPEN = "breaker_open"
"""What stands in records in the place of an error."""

_NO_FAILURE = frozenset({OPEN, OverBudgetError.__name__})
_Made = TypeVar("_Made")


class Breaker(Generic[_Made]):
    """Counts failures, and gives what `make` makes without the signals (by full name) that are open."""

    def __init__(self, make: Callable[[Breaker[_Made], frozenset[str]], _Made]) -> None:
        self._make = make
        self._failed: dict[str, deque[float]] = {}
        self._until: dict[str, float] = {}
        self._whole = make(self, frozenset())
        self._reduced = (frozenset[str](), self._whole)

    def working(self, now: float) -> _Made:
        """What to use for a call at `now`."""
        if not self._until:
            return self._whole
        self._until = {name: until for name, until in self._until.items() if now < until}
        opened = frozenset(self._until)
        if opened != self._reduced[0]:
            self._reduced = (opened, self._make(self, opened) if opened else self._whole)
        return self._reduced[1]

    def note(self, skipped: Mapping[str, str], now: float) -> None:
        """The signals that one call at `now` had to skip, and why."""
        for name, reason in skipped.items():
            if reason in _NO_FAILURE or name in self._until:
                continue
            failed = self._failed.setdefault(name, deque(maxlen=FAILURES))
            failed.append(now)
            if len(failed) == FAILURES and now - failed[0] <= WITHIN:
                self._until[name] = now + OPEN_FOR
                del self._failed[name]

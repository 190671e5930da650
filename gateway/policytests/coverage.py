"""What the tests have touched of a bundle: signals that fired, rungs reached, patterns matched.

A pattern counts as matched by any text that a test sends. Disabled signals and policies need no test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.model import Mode
from gateway.patterns import prepare
from gateway.policies.bundle import Bundle
from gateway.records import Record


@dataclass(frozen=True, slots=True)
class Share:
    """How much of one kind was touched, and the names of what was not."""

    touched: int
    all: int
    missing: tuple[str, ...]

    @property
    def share(self) -> float:
        """0…1; 1 of nothing."""
        return self.touched / self.all if self.all else 1.0


class Coverage:
    """Collects over all cases."""

    def __init__(self, bundle: Bundle) -> None:
        self._signals = dict.fromkeys(
            (
                f"{policy.id}.{signal.id}"
                for policy in bundle.policies
                for signal in policy.signals
                if Mode.DISABLED not in (policy.mode, signal.mode)
            ),
            False,
        )
        self._rungs = {rung.id: False for rung in bundle.ladder.rungs}
        self._sets = bundle.patterns
        self._patterns = {
            f"{name}.{one}": False for name, one_set in self._sets.items() for one in one_set.patterns
        }

    def add(self, record: Record) -> None:
        """One more request."""
        for score in record.signals:
            if score.points > 0:
                self._signals[score.id] = True
        for standing in (record.enforced, record.shadow):
            if standing.rung is not None:
                self._climb(standing.rung)
        for turn in record.call.turns if record.call else ():
            text = prepare(turn.text)
            for name, patterns in self._sets.items():
                for found in patterns.search(text):
                    self._patterns[f"{name}.{found}"] = True

    def _climb(self, rung: str) -> None:
        """A rung includes those below it."""
        order = list(self._rungs)
        for name in order[: order.index(rung) + 1]:
            self._rungs[name] = True

    def shares(self) -> Mapping[str, Share]:
        """By kind: signals, rungs, patterns."""
        kinds = {"signals": self._signals, "rungs": self._rungs, "patterns": self._patterns}
        return {
            kind: Share(
                sum(touched.values()), len(touched), tuple(n for n, done in touched.items() if not done)
            )
            for kind, touched in kinds.items()
        }

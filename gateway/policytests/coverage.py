"""What tests have touched of a bundle: signals fired, rungs reached, patterns matched, exemptions applied.

A pattern counts as matched by any text that a test sends. Disabled signals and policies need no test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.explain.patterns import matched
from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.policytests.trail import ladders, rung_order
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
        self._ladders = [[rung.id for rung in ladder.rungs] for ladder in ladders(bundle)]
        self._rungs = dict.fromkeys(rung_order(bundle), False)
        self._exemptions = {exemption.id: False for exemption in bundle.exemptions}
        self._sets = bundle.patterns
        self._patterns = {
            f"{name}.{one}": False for name, one_set in self._sets.items() for one in one_set.patterns
        }

    def add(self, record: Record) -> None:
        """One more request."""
        for score in record.signals:
            if score.points > 0:
                self._signals[score.id] = True
        for tally in record.exemptions:
            self._exemptions[tally.id] = True
        for standing in (record.enforced, record.shadow):
            if standing.rung is not None:
                self._climb(standing.rung)
        for name in matched(record.call, self._sets):
            self._patterns[name] = True

    def _climb(self, rung: str) -> None:
        """A rung includes those below it on its ladder."""
        for order in self._ladders:
            if rung in order:
                self._rungs.update(dict.fromkeys(order[: order.index(rung) + 1], True))

    def shares(self) -> Mapping[str, Share]:
        """By kind: signals, rungs, patterns, and exemptions if there are any."""
        kinds = {"signals": self._signals, "rungs": self._rungs, "patterns": self._patterns}
        if self._exemptions:
            kinds["exemptions"] = self._exemptions
        return {
            kind: Share(
                sum(touched.values()), len(touched), tuple(n for n, done in touched.items() if not done)
            )
            for kind, touched in kinds.items()
        }

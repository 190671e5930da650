"""How long a call may wait for signals that read its text: past the budget the rest of them is skipped.

Cheap signals always run. Costly are those that look into prompts, whose cost grows with what the client
sends; only what they do before the request is forwarded is measured and skipped. Without a budget nothing
is wrapped, so it costs nothing. The stop-watch is handed in: nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from gateway.fields import FIELDS, Facts
from gateway.model import Measure, Op, Reading
from gateway.policies.bundle import Bundle, Policy, Signal
from gateway.policies.changes import each_policy
from gateway.signals.base import Detector

COSTLY = frozenset(
    name for name, field in FIELDS.items() if name.startswith("prompt.") and field.kind == "text"
)
"""Fields whose readers search text; every other field is there already."""

_Result = TypeVar("_Result")


class OverBudgetError(Exception):
    """Earlier signals of this call have used its budget up; the name stands in records."""


@dataclass(frozen=True, slots=True, eq=False)
class Budget:
    """`seconds` of what `spent` counts, for the costly signals of one call together."""

    seconds: float
    spent: Callable[[], float]

    def use(self, facts: Facts, work: Callable[[], _Result]) -> _Result:
        """The work's result, and its time on the call's account. Raises OverBudgetError at its end."""
        used: float = facts.memo.get(self, 0.0)
        if used > self.seconds:
            raise OverBudgetError
        began = self.spent()
        try:
            return work()
        finally:
            facts.memo[self] = used + self.spent() - began


class Metered(Detector):
    """A costly detector on a budget: what it does while the call waits is measured, or skipped."""

    def __init__(self, inner: Detector, budget: Budget) -> None:
        self._inner, self._budget = inner, budget
        self.fields, self.reads = inner.fields, inner.reads
        self.counts_at, self.gauges = inner.counts_at, inner.gauges
        # The plan passes over steps that a detector leaves to the base, and so must it here.
        if type(inner).enter is not Detector.enter:
            self.enter = self._enter  # type: ignore[method-assign]
        # Nobody waits for these two.
        self.study = inner.study  # type: ignore[method-assign]
        self.settle = inner.settle  # type: ignore[method-assign]

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """As the detector says."""
        return self._budget.use(facts, lambda: self._inner.read(facts, readings))

    def _enter(self, facts: Facts) -> Sequence[Op]:
        return self._budget.use(facts, lambda: self._inner.enter(facts))


def within(bundle: Bundle, budget: Budget | None) -> Bundle:
    """The bundle with its costly signals on the budget; itself without one."""
    if budget is None:
        return bundle

    def limit(signal: Signal) -> Signal:
        detector = signal.detector
        if detector.late or COSTLY.isdisjoint(detector.fields):
            return signal
        return replace(signal, detector=Metered(detector, budget))

    def change(policy: Policy) -> Policy:
        return replace(policy, signals=tuple(map(limit, policy.signals)))

    return each_policy(bundle, change)

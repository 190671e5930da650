"""Exemption documents → `Exemption`: conditions resolved, names of signals checked and spelled out.

What an exemption does to a score is said in `gateway.relief`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gateway.conditions import Condition, ConditionError, UnknownSetError, compile_condition
from gateway.patterns import PatternSet
from gateway.policies.bundle import Effect, Exemption, Policy
from gateway.policies.problems import Problems
from gateway.policies.schema import ExemptionDocument
from gateway.strict_yaml import Document
from gateway.words import quote, suggest

DAY = 86400.0
LEAD = 14
"""Days before its end from which an exemption is warned of: time to review it and say yes again."""


def expiry(expires: float, today: float) -> str | None:
    """What to say of an exemption that ends at `expires`, seen at `today` (both seconds since the epoch)."""
    left = expires - today
    if left <= 0:
        return "has expired and is not applied: remove it, or review it and set a new day"
    if left <= LEAD * DAY:
        return f"expires in {_days(math.ceil(left / DAY))}, after which it is not applied"
    return None


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


class ExemptionCompiler:
    """Compiles exemptions; mistakes go to `problems`. `lost`: documents that could not be read may hold
    what an exemption refers to."""

    def __init__(
        self,
        policies: Sequence[Policy],
        patterns: Mapping[str, PatternSet],
        problems: Problems,
        *,
        lost: bool,
        today: float | None,
    ) -> None:
        self._patterns, self._problems, self._lost, self._today = patterns, problems, lost, today
        self._names = {
            policy.id: [f"{policy.id}.{signal.id}" for signal in policy.signals] for policy in policies
        }
        self._names |= {name: [name] for names in self._names.values() for name in names}
        self._rampless = {
            f"{policy.id}.{signal.id}"
            for policy in policies
            for signal in policy.signals
            if signal.ramp is None
        }

    def compile(self, document: Document, model: ExemptionDocument) -> Exemption | None:
        """The exemption, None (and a problem) without a condition that can be asked before the answer."""
        signals = self._signals(document, model)
        match = self._match(document, model)
        # Through the whole of its last day, wherever on earth its owner reads it as UTC.
        expires = model.expires + DAY
        if self._today is not None and (message := expiry(expires, self._today)):
            self._problems.warn(document, ("expires",), message)
        if match is None:
            return None
        until = math.inf if model.until_score is None else model.until_score
        effect = model.effect.value()
        return Exemption(
            model.id, match, frozenset(signals), effect, until, expires, model.reason, model.owner
        )

    def _match(self, document: Document, model: ExemptionDocument) -> Condition | None:
        try:
            match = compile_condition(model.match, self._patterns)
        except ConditionError as error:
            if not (isinstance(error, UnknownSetError) and self._lost):
                self._problems.condition(document, ("match",), error)
            return None
        if match.late:
            message = "reads the answer, but an exemption is asked for before it"
            self._problems.add(document, ("match",), message)
        return match

    def _signals(self, document: Document, model: ExemptionDocument) -> list[str]:
        found: list[str] = []
        for index, name in enumerate(model.applies_to):
            signals = self._names.get(name)
            path = ("applies_to", index)
            if signals is None:
                if not self._lost:
                    message = f"no policy or signal {quote(name)}{suggest(name, self._names)}"
                    self._problems.add(document, path, message, at_key=False)
                continue
            if name in self._rampless and _moves_ramps(model.effect.value()):
                message = f"{quote(name)} is yes or no and has no ramp to move: use skip or points"
                self._problems.add(document, path, message, at_key=False)
            found += signals
        return found


def _moves_ramps(effect: Effect) -> bool:
    return effect.ramp != 1.0

"""The highest value of every windowed signal, by principal: what ramps can be learned from.

Values only, whatever the ramps of now make of them; so a replay is asked with every policy's signals added
up (`probing`), where none hides another. State is bounded by principals and signals, never by requests. What
follows from the values is the business of `gateway.evaluation.learning`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from gateway.model import Mode
from gateway.policies.bundle import Bundle, Policy, Signal
from gateway.records import Record


@dataclass(frozen=True, slots=True, order=True)
class Highest:
    """The most suspicious value of one unit, as seen along the ramp: a falling ramp's values are negative."""

    value: float
    unit: str
    """The organisation that answers for it, or else the principal."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A windowed signal with a ramp."""

    name: str
    policy: str
    signal: Signal
    ramp: tuple[float, float]
    window: float
    """Seconds; 0 where its memory is not cut by time."""

    @property
    def sign(self) -> float:
        """1 for a rising ramp, -1 for a falling one."""
        return 1.0 if self.ramp[0] < self.ramp[1] else -1.0

    @property
    def along(self) -> tuple[float, float]:
        """The ramp in the direction of suspicion, hence rising."""
        return self.ramp[0] * self.sign, self.ramp[1] * self.sign


def rules(policy: Policy) -> tuple[Rule, ...]:
    """The policy's signals that are on and that can be learned."""
    if policy.mode is Mode.DISABLED:
        return ()
    return tuple(
        Rule(
            f"{policy.id}.{signal.id}",
            policy.id,
            signal,
            signal.ramp,
            max(float(getattr(op, "over", 0.0)) for op in signal.detector.reads),
        )
        for signal in policy.signals
        if signal.mode is not Mode.DISABLED and signal.ramp is not None and signal.detector.reads
    )


def together(policy: Policy) -> bool:
    """Whether its signals count as a conjunction, which is as strong as its weakest part."""
    return policy.combine not in ("sum", "max")


def measured(bundle: Bundle) -> tuple[str, ...]:
    """The names of all that has highest values: signals, and conjunctions by their policy."""
    return tuple(
        name
        for policy in bundle.policies
        for name in ([policy.id] * together(policy) + [rule.name for rule in rules(policy)])
    )


def probing(bundle: Bundle) -> Bundle:
    """The bundle for a replay that reads every signal: added up, so that none waits for another."""
    return replace(bundle, policies=tuple(replace(policy, combine="sum") for policy in bundle.policies))


def _reach(signal: Signal, value: float) -> float:
    """How far along its ramp a value is, not cut at the ends; without a ramp all or nothing."""
    if signal.ramp is None:
        return inf if value > 0 else -inf
    low, high = signal.ramp
    return (value - low) / (high - low)


@dataclass(slots=True)
class Observed:
    """Collects records of a replay under `probing`; `kind` and `highest` answer afterwards.

    A principal with a tenant's numbers is left out, and so is a value that an exemption forgave.
    """

    bundle: Bundle
    units: dict[str, str] = field(default_factory=dict)
    """The unit of each principal."""
    _highest: dict[str, dict[str, float]] = field(default_factory=dict)
    _rules: dict[str, Rule] = field(init=False)
    _together: list[tuple[str, dict[str, Signal]]] = field(init=False)

    def __post_init__(self) -> None:
        policies = self.bundle.policies
        self._rules = {rule.name: rule for policy in policies for rule in rules(policy)}
        self._together = [
            (
                policy.id,
                {f"{policy.id}.{one.id}": one for one in policy.signals if one.mode is not Mode.DISABLED},
            )
            for policy in policies
            if together(policy) and rules(policy)
        ]

    def add(self, record: Record) -> None:
        """One more call."""
        if record.tenant is not None:
            return
        who = record.principal
        self.units[who] = who if record.org is None else f"org:{record.org}"
        values = {one.id: one.value for one in record.signals if one.exemption is None}
        for name, value in values.items():
            rule = self._rules.get(name)
            if rule is not None:
                self._raise(name, who, value * rule.sign)
        for policy, signals in self._together:
            if signals.keys() <= values.keys():
                self._raise(policy, who, min(_reach(one, values[name]) for name, one in signals.items()))

    def _raise(self, name: str, who: str, value: float) -> None:
        mine = self._highest.setdefault(name, {})
        if value > mine.get(who, -inf):
            mine[who] = value

    def highest(self, name: str, principals: Callable[[str], bool]) -> Sequence[Highest]:
        """Of a signal (along its ramp) or of a conjunction (by the policy's id; strength, not cut off): the
        highest value of each unit that has one, from the highest down, over its principals that are asked
        for."""
        found: dict[str, float] = {}
        for who, value in self._highest.get(name, {}).items():
            if principals(who):
                unit = self.units[who]
                found[unit] = max(value, found.get(unit, -inf))
        return sorted((Highest(value, unit) for unit, value in found.items()), reverse=True)

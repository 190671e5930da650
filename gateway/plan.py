"""What the engine reads and evaluates for every call under a bundle, worked out once.

A call only looks things up by position here: which operations make its two batches (the principal's own
state, and the state it shares with its organisation), and where in the answers each policy's peaks and
each signal's readings stand. Detectors with one counter share one reading. `gateway.planner` makes plans.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cachetools import LRUCache

from gateway.breaker import Breaker
from gateway.campaigns.operations import CampaignPeaks
from gateway.conditions import Condition
from gateway.model import (
    Distinct,
    Gap,
    Mode,
    Op,
    Peaks,
    PolicyScore,
    Principal,
    Reading,
    Reads,
    Register,
    Sum,
)
from gateway.observations import Observe
from gateway.policies.bundle import Bundle, Policy, Signal
from gateway.sharing import Sharing
from gateway.signals.base import Gauge, Step

FIRST = Register("first")
"""When this principal (in the shared batch: this organisation) was first seen."""
FIRST_AT, TURNS_AT, LADDER_AT = 0, 1, 2
"""Positions in the own batch; the two tracks' ladder memories stand from LADDER_AT on."""


@dataclass(frozen=True, slots=True)
class PlannedSignal:
    """A signal, its name in records, where its readings stand, and the rung its floor lifts to (or -1)."""

    signal: Signal
    name: str
    readings: Callable[[Sequence[Reading]], Sequence[Reading]]
    """Picks them from the answers to a batch."""
    floor: int
    window: float
    """Seconds of history that its number is made of; 0 for a number of one call."""
    born: float
    """When its counter began, if later than the principal was first seen."""


@dataclass(frozen=True, slots=True)
class PlannedGauge:
    """A gauge, the first of its columns, and the names of the signals that read it."""

    gauge: Gauge
    column: int
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Population:
    """Policies that concern the same calls in the same batch: all that is added up for those."""

    match: Condition | None
    batch: int
    gauges: Mapping[Step, tuple[tuple[int, tuple[PlannedGauge, ...]], ...]]
    """For each step, by the place of the ledger in the batch."""
    steps: Mapping[Step, tuple[PlannedSignal, ...]]
    """Those whose detector has something else to count at each step, one of all that count the same."""


@dataclass(frozen=True, slots=True)
class PlannedPolicy:
    """A policy, which batch its state is in, and where its peaks (enforced, shadow) stand."""

    policy: Policy
    population: int
    """Which of the plan's."""
    batch: int
    peaks: int
    peak: Peaks | CampaignPeaks
    """Reads the peaks; written with the points of a call."""
    early: tuple[PlannedSignal, ...]
    """Signals that are read before deciding."""
    late: tuple[PlannedSignal, ...]
    """Signals that need the answer."""
    floors: bool
    """Whether any of them lifts to a rung by itself."""
    modes: tuple[Mode | None, ...]
    """Its mode under each ceiling (by its number); None where that depends on the principal."""
    silent: tuple[PolicyScore, ...]
    """What it says in each mode (by its number) while it has no points."""

    @property
    def signals(self) -> tuple[PlannedSignal, ...]:
        """All of them."""
        return self.early + self.late


@dataclass(frozen=True, slots=True)
class Plan:
    """The batches and policies of one bundle; make it with `plan`."""

    bundle: Bundle
    batches: tuple[Reads, Reads]
    """Operations on the principal's own state, and on the state shared in its organisation."""
    policies: tuple[PlannedPolicy, ...]
    populations: tuple[Population, ...]
    gauging: Mapping[Step, tuple[int, ...]]
    """Places of the populations that have something to add up at each step."""
    stepping: Mapping[Step, tuple[int, ...]]
    """Places of those that have something else to count."""
    ladders: tuple[Register, Register]
    """Reads of the ladder's memory on the enforced and the shadow track."""
    rungs: tuple[str, ...]
    fields: frozenset[str]
    """Names of the fields that anything of it reads."""
    profile: int | None
    """Where in the own batch the profile stands that the field `profile.kind` is told from, if it is read."""
    breaker: Breaker[Plan] = field(compare=False, repr=False)
    """Shared by all plans of one bundle."""
    opened: frozenset[str] = frozenset()
    """Names of signals that are left out because they kept failing."""
    tenant: str | None = None
    ceiling: Mode = Mode.ENFORCE
    """How far anything may go for the tenant whose plan this is."""
    variants: Mapping[tuple[str, str | None], Plan] = field(default_factory=dict)
    """The plans of tenants, by whom they are for: (`principal` | `org` | `tier`, its name)."""
    others: LRUCache[int, tuple[Plan, Sharing]] = field(
        default_factory=lambda: LRUCache(256), compare=False, repr=False
    )
    """What `beside` has made."""

    def concerning(self, principal: Principal) -> Plan:
        """The plan for this principal: of its tenant, or this one."""
        if not self.variants:
            return self
        get = self.variants.get
        return (
            get(("principal", principal.id))
            or get(("org", principal.org))
            or get(("tier", principal.tier))
            or self
        )

    def beside(self, first: Plan) -> Sharing:
        """How to read for both plans at once; kept, with the plan itself, so that its id stays its own."""
        found = self.others.get(id(first))
        if found is None:
            found = self.others[id(first)] = (first, Sharing(first.batches, self.batches))
        return found[1]

    def reads(self, name: str) -> bool:
        """Whether anything of it reads this field, tenants' plans included."""
        return name in self.fields or any(variant.reads(name) for variant in self.variants.values())

    def counters(self) -> frozenset[str]:
        """The fingerprints of all counters that are kept under this plan, tenants' included."""
        signals = (one for policy in self.policies for one in policy.signals)
        own = {op.key for one in signals for op in one.signal.detector.reads if window(op)}
        own |= set() if self.profile is None else {self.batches[0][self.profile].key}
        return frozenset(own.union(*(variant.counters() for variant in self.variants.values())))


def window(op: Op) -> float:
    """Seconds of history that an operation reads; 0 for what has no window."""
    if isinstance(op, Observe):
        return op.half_life
    return op.over if isinstance(op, Sum | Distinct | Gap) else 0.0

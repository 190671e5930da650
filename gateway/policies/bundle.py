"""The compiled, immutable form of a policy directory: what the engine reads while it scores.

No YAML and no pydantic here; `gateway.policies.compile` makes these from documents. A bundle is swapped
as one reference, and each call keeps the one it began with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.actions.base import Action
from gateway.conditions import Condition
from gateway.errors import Place
from gateway.marks.greenlist import Vocabulary
from gateway.model import Mode
from gateway.patterns import PatternSet
from gateway.signals.base import Detector


@dataclass(frozen=True, slots=True)
class Rollout:
    """Which share of principals a policy may act on: `share` from one end of the hash space of `by`,
    never the `holdout` share at the other end. Monotone: raising `share` keeps those already in."""

    share: float = 1.0
    by: Literal["principal", "org"] = "org"
    holdout: float = 0.0


@dataclass(frozen=True, slots=True)
class Signal:
    """A detector with its meaning: `ramp` maps its value to strength 0…1, worth `points`.

    `ramp` None: the value itself is the strength (`request`). `floor` is a rung id that full strength
    lifts to. `why` is a format string over value, n, over, lo, hi.
    """

    id: str
    detector: Detector
    ramp: tuple[float, float] | None
    points: float
    mode: Mode
    floor: str | None
    why: str
    over: str = ""
    """The window as the author wrote it, for `why`."""
    definition: str = ""
    """Fingerprint of how the number comes about: ramp, points and mode may change under it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A group of signals with one cap, one mode, one rollout and one fading peak."""

    id: str
    version: int
    mode: Mode
    rollout: Rollout
    key: Literal["principal", "org", "campaign"]
    match: Condition | None
    combine: Literal["sum", "max", "all"]
    cap: float
    half_life: float
    signals: tuple[Signal, ...]
    carry: bool = False
    """Whether its enforced peaks are its shadow ones; then none of its signals is in shadow by itself."""
    epoch: str = ""
    """Names its peaks beside its id; another one begins new peaks (`gateway.policies.changes`)."""


@dataclass(frozen=True, slots=True)
class Requires:
    """Corroboration that a rung asks for beside the score."""

    policies: int = 0
    """Policies whose peak is at least `gateway.score.CORROBORATES` points."""
    principal_age: float = 0.0
    """Seconds since the account began, or was first seen."""
    sustained: float = 0.0
    """Seconds for which the score must have stayed at `at` or above."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder; `actions` are cumulative, by name: this rung's and those below it."""

    id: str
    at: float
    clear: float
    requires: Requires
    actions: Mapping[str, Action]


@dataclass(frozen=True, slots=True)
class Ladder:
    """Rungs from the lowest to the highest `at`."""

    id: str
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """What is allowed and unwise, and where it stands."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: warning: {self.message}"


@dataclass(frozen=True, slots=True)
class Effect:
    """How an exemption softens a signal: `ramp` moves both ends of its ramp away from what is harmless by
    this factor (1 or more), `points` is the part of its points that stays (0: skipped)."""

    ramp: float = 1.0
    points: float = 1.0


@dataclass(frozen=True, slots=True)
class Exemption:
    """A workload known to be benign: `effect` on `signals` (full names) for calls that `match`."""

    id: str
    match: Condition
    signals: frozenset[str]
    effect: Effect
    until_score: float
    """It holds while the score that the principal would have without it stays below (infinity: always)."""
    expires: float
    """Seconds since the epoch from which on it is not applied: the midnight UTC that ends its last day."""
    reason: str
    owner: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """What holds for some customers in place of the common policies, compiled once at load."""

    id: str
    principals: frozenset[str]
    orgs: frozenset[str]
    tiers: frozenset[str]
    ceiling: Mode
    policies: tuple[Policy, ...]
    """All policies, with this tenant's numbers."""
    ladder: Ladder


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that was loaded, under one content hash (12 hex digits, SHA-256 of the canonical form)."""

    hash: str
    policies: tuple[Policy, ...]
    ladder: Ladder
    summary: str
    """One line for people: how many files, policies, signals, patterns and rungs."""
    warnings: tuple[Advice, ...] = ()
    patterns: Mapping[str, PatternSet] = field(default_factory=dict, repr=False)
    """The pattern sets by id, for tools that show which pattern matched; the conditions hold their own."""
    tenants: tuple[Tenant, ...] = ()
    """Nobody is in two by the same kind of name (principal, organisation, tier)."""
    exemptions: tuple[Exemption, ...] = ()
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=dict, repr=False)
    """By id, for tools that look for marks; the actions hold their own."""

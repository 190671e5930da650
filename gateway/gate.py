"""What an exchange needs that changes only on reload: policies, ceiling, state, and who is who.

A reload swaps one reference to a gate; every exchange keeps the one that it began with. What is done with it
is the business of `gateway.exchange`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.budget import Budget, within
from gateway.marks.keyring import UNKEYED, KeyRing
from gateway.model import Client, Mode, Principal
from gateway.plan import Plan
from gateway.planner import plan
from gateway.policies.bundle import Bundle
from gateway.policies.leave import permitted
from gateway.stores.base import Store

Headers = list[tuple[bytes, bytes]]


class Identify(Protocol):
    """Who sent this: from headers, peer address and the dialect's end-user field."""

    def principal(
        self, headers: Headers, peer_ip: str | None, end_user: str | None
    ) -> tuple[Principal, Client]: ...

    def end_user(self, text: str) -> str:
        """The hash under which an end user stands in records."""
        ...


@dataclass(frozen=True, slots=True)
class Gate:
    """Everything that an exchange needs and that changes only on reload."""

    bundle: Bundle | None
    """None: no policies are loaded, nothing is scored."""
    ceiling: Mode
    store: Store
    identify: Identify
    fail_closed: bool = False
    """`policies.on_error: refuse`."""
    max_body: int = 32 * 1024 * 1024
    gen: int = 1
    """Counts the bundles that this process has put to use; the first is 1."""
    badge: bool = False
    """Whether answers name the bundle and `gen` (`gateway.badge`)."""
    budget: Budget | None = None
    """For the costly signals of one call; `policies.budget`."""
    candidate: Bundle | None = None
    """A second bundle that is asked as well and never acts."""
    born: Mapping[str, float] = field(default_factory=dict)
    """When counters began that are younger than the store, by fingerprint."""
    allowed: frozenset[str] | None = None
    """`policies.allow_actions`; None where nothing reaches anybody, and so everything may be tried."""
    ring: KeyRing = UNKEYED
    """What answers are marked under."""
    plan: Plan | None = field(init=False)
    """What the engine makes of the bundle."""
    trial: Plan | None = field(init=False)
    """The same of the candidate."""
    keeps_text: bool = field(init=False)
    """Whether one of them reads what answers say."""

    def __post_init__(self) -> None:
        made = None
        if self.bundle is not None:
            made = plan(permitted(within(self.bundle, self.budget), self.allowed), self.born)
        object.__setattr__(self, "plan", made)
        made = None if self.candidate is None else plan(self.candidate, self.born, trial=True)
        object.__setattr__(self, "trial", made)
        keeps = any(one is not None and one.reads("response.text") for one in (self.plan, self.trial))
        object.__setattr__(self, "keeps_text", keeps)

    def counters(self) -> frozenset[str]:
        """The fingerprints of all counters that are kept under this gate."""
        return frozenset(key for made in (self.plan, self.trial) if made for key in made.counters())

    def following(self, before: Gate, now: float) -> Gate:
        """This gate as the one after `before`, which it takes over from at `now`: counters that both keep
        go on, the others are young."""
        kept = before.counters()
        began = {key: before.born.get(key) if key in kept else now for key in self.counters()}
        return replace(self, born={key: at for key, at in began.items() if at is not None})

"""Before a new bundle is published: whom would it move to a higher rung, now, by what is stored?

A wrong number in a policy acts within seconds, and everywhere. So each principal that was active in the last
hour is scored without a call, under the bundle in use and under the new one, from the counters and peaks in
the store; if more than the configured share would climb, the new bundle is held back.

What this sees, and what it cannot see:
- The enforced track only: what stays in shadow harms nobody.
- Windowed signals (`count`, `ratio`, `distinct`, …) from their counters, with one plain call more than there
  were, under both bundles alike; and the peaks, which hold what all other signals found before.
- Not what `request` and `field` signals will find in calls to come: there is no call to look at.
- Not what a window asks that has changed: its counter is new, empty, and mostly without a verdict.
- A policy's `match` is passed over, because its counters hold only calls that matched. An exemption's `match`
  is asked, and one that looks at the request finds none.
- At most SAMPLE principals, evenly drawn from those active: of 2,000, a share of 5 % is known to ±1 %.
- Rungs are compared by name and place, not by what they do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gateway import dialects
from gateway.engine import Transaction
from gateway.gate import Gate
from gateway.model import JSON, Call, Client, Mode, Principal, Route, Standing
from gateway.plan import FIRST_AT
from gateway.planner import plan
from gateway.policies.bundle import Ladder
from gateway.policies.changes import windowed

ACTIVE = 3600.0
"""Seconds within which a principal must have called to be asked about."""
SAMPLE = 2000
SLICE = 8
"""Principals scored in one go, 5 ms with the shipped policies (measured); then calls have their turn."""
EXAMPLES = 10
LONE = 1
"""So many may climb whatever their share is: one principal may be whom the new bundle is made for."""

_CALL = Call(Route("openai_chat", "chat", "/v1/chat/completions"), messages=1)


@dataclass(frozen=True, slots=True)
class Move:
    """A principal that would climb; a rung is None below the first."""

    principal: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many principals were looked at, how many of them would climb, and some of these."""

    active: int
    moved: int
    limit: float
    examples: tuple[Move, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the new bundle must wait for somebody who says that this is meant."""
        return self.moved > LONE and self.moved > self.limit * self.active

    def document(self) -> dict[str, JSON]:
        """For the admin listener."""
        moves: list[JSON] = [
            {"principal": move.principal, "before": move.before, "after": move.after}
            for move in self.examples
        ]
        return {"active": self.active, "moved": self.moved, "limit": self.limit, "examples": moves}


class Guard:
    """Compares bundles over the principals that `active` names; at most the share `limit` may climb.

    `active` is told a time (seconds) and names who called since, such as `gateway.roll.Roll.since`.
    """

    def __init__(
        self, limit: float, active: Callable[[float], Sequence[Principal]], clock: Callable[[], float]
    ) -> None:
        self._limit = limit
        self._active = active
        self._clock = clock

    async def __call__(self, before: Gate, after: Gate) -> Verdict:
        """What `after` in the place of `before` would do; the store stays as it is. Raises StoreError."""
        now = self._clock()
        if before.ceiling is not Mode.ENFORCE:
            return Verdict(0, 0, self._limit)
        old, new = _Glance(before), _Glance(after)
        known = 0
        moves: list[Move] = []
        for some in _slices(self._active(now - ACTIVE)):
            for principal in some:
                was, will = old.standing(principal, now), new.standing(principal, now)
                if was is None or will is None:
                    continue
                known += 1
                if higher(old.ladder(principal), new.ladder(principal), was.rung, will.rung):
                    moves.append(Move(principal.id, was.rung, will.rung))
            await asyncio.sleep(0)
        return Verdict(known, len(moves), self._limit, tuple(moves[:EXAMPLES]))


def _slices(active: Sequence[Principal]) -> Iterator[Sequence[Principal]]:
    drawn = active[:: -(-len(active) // SAMPLE) or 1]
    for at in range(0, len(drawn), SLICE):
        yield drawn[at : at + SLICE]


class _Glance:
    """Scores principals without a call, from what one gate's store holds, and writes nothing."""

    def __init__(self, gate: Gate) -> None:
        assert gate.bundle is not None
        self._store = gate.store
        self._ceiling = gate.ceiling
        self._plan = plan(windowed(gate.bundle))
        self._dialect = dialects.get(_CALL.route.dialect)

    def standing(self, principal: Principal, now: float) -> Standing | None:
        """Where the principal stands on the enforced track; None if the store does not know it."""
        transaction = Transaction(
            self._plan, self._ceiling, _CALL, self._dialect, {}, principal, Client(), "guard"
        )
        readings = self._store.apply(transaction.ask(), now)
        if not readings[0][FIRST_AT].values:
            return None
        transaction.decide(readings, now)  # what it wants to write is dropped
        return transaction.decision.enforced

    def ladder(self, principal: Principal) -> Ladder:
        """The ladder on which the principal stands."""
        return self._plan.concerning(principal).bundle.ladder


def higher(before: Ladder, after: Ladder, was: str | None, will: str | None) -> bool:
    """Whether the rung `will` of the new ladder is above the rung `was` of the old one."""
    if will is None or was is None:
        return will is not None
    places = {rung.id: place for place, rung in enumerate(after.rungs)}
    if was in places:
        return places[will] > places[was]
    # Its name is gone: its place is where its threshold would be.
    threshold = next(rung.at for rung in before.rungs if rung.id == was)
    return places[will] >= sum(rung.at <= threshold for rung in after.rungs)

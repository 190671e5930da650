"""What is known of accounts together: the campaigns behind the operations `Link`, `Linked`, `CampaignPeaks`,
and the pools behind `Converse`, `Pooled`.

These are the operations whose state belongs to no scope: the batch's scope is the account that they are
about. Counting who is who is the business of `gateway.campaigns`; here operations become its calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from gateway.campaigns import pool as pools
from gateway.campaigns.campaign import Campaign, Evidence
from gateway.campaigns.linker import Linker
from gateway.campaigns.operations import CampaignPeaks, Converse, Group, Link, Linked, Pooled
from gateway.model import Peaks, Reading
from gateway.stores.summaries import FadingPeaks

PopulationOp = Link | Linked | CampaignPeaks | Converse | Pooled
_NONE = Reading()
_HEARD = Reading((0.0,))


class Population:
    """The linkers and pools of one store, by their key; each knows at most `accounts` accounts."""

    def __init__(self, accounts: int) -> None:
        self._accounts = accounts
        self._linkers: dict[str, Linker] = {}
        self._pools: dict[str, pools.Pool] = {}

    def update(self, scope: str, op: PopulationOp, now: float) -> Reading:
        """Carry out one operation for the account `scope`."""
        if type(op) is Linked:
            linker = self._linkers.get(op.key)
            campaign = None if linker is None else linker.standing(scope)
            if campaign is None:
                return _NONE
            return Reading(campaign.evidence(op.over, now).numbers(), campaign.id.encode())
        if type(op) is CampaignPeaks:
            return self._peaks(scope, op, now)
        if type(op) is Pooled:
            pool = self._pools.get(op.key)
            if pool is None or not pool.standing(scope):
                return _HEARD if pool is not None and pool.knows(scope) else _NONE
            return Reading(pool.evidence(op.over, now).numbers(), pool.id.encode())
        if type(op) is Converse:
            return self._converse(scope, op, now)
        assert type(op) is Link
        linker = self._linkers.get(op.key)
        if linker is None:
            linker = self._linkers[op.key] = Linker(self._accounts)
        if op.frame.pieces:
            linker.hear(scope, op.org, op.frame, op.kinds, now)
        if op.tokens:
            linker.pay(scope, op.tokens, now)
        return _NONE

    def _converse(self, scope: str, op: Converse, now: float) -> Reading:
        pool = self._pools.get(op.key)
        if pool is None:
            pool = self._pools[op.key] = pools.Pool(self._accounts)
        if any(linker.standing(scope) for linker in self._linkers.values()):
            # Its frame would speak for what it asks, and it is known already.
            pool.withdraw(scope)
        else:
            pool.hear(scope, op.org, op.said, op.kinds, now)
        return _NONE

    def _peaks(self, scope: str, op: CampaignPeaks, now: float) -> Reading:
        linker = self._linkers.get(op.linker)
        campaign = None if linker is None else linker.standing(scope)
        peaks = None if campaign is None else campaign.peaks.get(op.key)
        if peaks is None:
            if campaign is None or not any(op.points):
                return Reading((0.0,) * len(op.points))
            peaks = campaign.peaks[op.key] = FadingPeaks(len(op.points))
        reading: Reading = peaks.update(Peaks(op.key, op.half_life, op.points), now)
        return reading

    def campaigns(self, over: float, now: float) -> Iterator[Group]:
        """Every campaign whose evidence stands, oldest first within its linker, then every pool."""
        for linker in self._linkers.values():
            for campaign in linker.standing_campaigns():
                yield _group(campaign, linker.names(campaign), campaign.evidence(over, now))
        for pool in self._pools.values():
            if pool.stands():
                yield _pool(pool, pool.evidence(over, now))

    def leave(self, scope: str) -> None:
        """Forget what the account `scope` did, and take it out of its campaigns."""
        for linker in self._linkers.values():
            linker.leave(scope)

    def forget(self, keys: Set[str]) -> None:
        """Drop these linkers and pools with all that they know."""
        for key in keys & self._linkers.keys():
            del self._linkers[key]
        for key in keys & self._pools.keys():
            del self._pools[key]

    def nbytes(self, scope: str) -> int:
        """Bytes that all linkers and pools hold for one account."""
        known: tuple[Linker | pools.Pool, ...] = (*self._linkers.values(), *self._pools.values())
        return sum(each.nbytes(scope) for each in known)


def _group(campaign: Campaign, members: tuple[str, ...], found: Evidence) -> Group:
    numbers = {
        "members": found.members,
        "organisations": found.circles,
        "requests": found.requests,
        "output_tokens": found.output_tokens,
        "repeated": found.repeated,
        "purpose": found.purpose,
        "habit": found.habit,
        "covers": found.covers,
        "pieces": found.pieces,
    }
    return Group(campaign.id, campaign.first, campaign.last, members, numbers, found.shared, found.words())


def _pool(pool: pools.Pool, found: pools.Evidence) -> Group:
    numbers = {
        "members": found.members,
        "organisations": found.circles,
        "strays": found.strays,
        "alike": found.alike,
        "covers": found.covers,
    }
    return Group(pool.id, pool.first, pool.last, pool.names(), numbers, (), found.words())

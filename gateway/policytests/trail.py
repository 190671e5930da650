"""What is kept of a case while it runs: for each sender, the moments that promises are checked against.

A moment is a small part of a record, because a day of traffic may be a hundred thousand of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gateway.model import SignalScore
from gateway.policies.bundle import Bundle, Ladder
from gateway.records import Record

UNRANKED = -1
"""Rank of no rung at all."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One request as it was judged. `ts` in seconds since the case began; `rank` of its rung from 0."""

    ts: float
    score: float
    rank: int
    signals: Mapping[str, SignalScore]
    """Those with points."""
    status: int | None
    code: str | None
    delay: float
    applied: tuple[str, ...]
    would: tuple[str, ...]
    enforced: float
    """Score on the enforced track; must stay 0 in shadow."""
    trouble: str
    """Why not every signal could speak, empty if all could: silence would prove nothing then."""
    speaking: frozenset[str] = frozenset()
    """Policies that gave points; of one that asks for all of its signals, not whenever one has some."""


Trails: TypeAlias = Mapping[str, Sequence[Moment]]
"""Moments in order of time by principal."""


def moment(record: Record, began: float, rungs: Sequence[str], *, enforces: bool) -> Moment:
    """The moment of a record, on the track that the case is about."""
    standing = record.enforced if enforces else record.shadow
    return Moment(
        ts=record.ts - began,
        score=standing.score,
        rank=UNRANKED if standing.rung is None else rungs.index(standing.rung),
        signals={score.id: score for score in record.signals if score.points > 0},
        status=record.status,
        code=record.refusal,
        delay=record.delay,
        applied=record.applied,
        would=record.would,
        enforced=record.enforced.score,
        trouble=_trouble(record),
        speaking=frozenset(score.id for score in record.policies if score.now > 0),
    )


def _trouble(record: Record) -> str:
    if record.unscored:
        return f"a request was not scored: {record.unscored}"
    return "; ".join(f"{signal} failed: {error}" for signal, error in sorted(record.skipped.items()))


def until(moments: Sequence[Moment], at: float | None) -> Sequence[Moment]:
    """The moments up to a time; None: all."""
    return moments if at is None else [one for one in moments if one.ts <= at]


def ladders(bundle: Bundle) -> list[Ladder]:
    """The common ladder and those of tenants."""
    return [bundle.ladder, *(tenant.ladder for tenant in bundle.tenants if tenant.ladder != bundle.ladder)]


def rung_order(bundle: Bundle) -> tuple[str, ...]:
    """All rungs from the lowest score to the highest; where ladders differ, the common one's score counts."""
    heights: dict[str, float] = {}
    for ladder in ladders(bundle):
        for rung in ladder.rungs:
            heights.setdefault(rung.id, rung.at)
    return tuple(sorted(heights, key=heights.__getitem__))

"""Whose mark a text carries: one hypothesis for each key that is asked about, corrected for how many.

Pure. Every p-value comes from `gateway.marks.evidence` and is exact. All that is left is that many keys are
tried: Holm's step-down keeps the chance of a single false accusation, over all of a run, below the level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from gateway.marks.evidence import Evidence
from gateway.marks.keyring import KeyRing

LEVEL = 1e-3
"""The chance of accusing anybody falsely in one run, unless the caller asks for less."""

Outcome = Literal["marked", "unmarked", "too_little"]


class Candidate(Struct, frozen=True):
    """One key that was asked about: whose, of which epoch, by which kind of mark."""

    name: str
    epoch: str
    mark: str
    score: int
    p: float
    """The share of all keys with such a score."""
    adjusted: float
    """The same, corrected for the number of keys asked about (Holm, 1979)."""


class Verdict(Struct, frozen=True):
    """What a text says: `marked` (by those found), `unmarked`, or `too_little` text to say so."""

    outcome: Outcome
    level: float
    tried: int
    """How many keys were asked about, over all kinds of marks."""
    found: tuple[Candidate, ...]
    """Those whose adjusted p-value is at most `level`, the surest first."""
    best: tuple[Candidate, ...]
    """The likeliest, found or not."""


def judge(
    evidence: Mapping[str, Evidence],
    ring: KeyRing,
    names: Iterable[str],
    *,
    level: float = LEVEL,
    enough: float = 0.0,
    shown: int = 5,
) -> Verdict:
    """Try every name in every epoch on every kind of mark.

    `enough`: the p-value that a mark would likely leave in so much text; if it could not stand out among as
    many keys, nothing found says nothing. Raises ValueError without names or evidence.
    """
    tried = [
        Candidate(name, epoch.id, mark, score := found.score(key), found.p(score), 1.0)
        for mark, found in evidence.items()
        for epoch, name, key in ring.keys(dict.fromkeys(names))
    ]
    if not tried:
        raise ValueError("nobody to ask about")
    ranked = _adjusted(sorted(tried, key=lambda one: (one.p, -one.score)))
    found = tuple(one for one in ranked if one.adjusted <= level)
    if found:
        outcome: Outcome = "marked"
    else:
        outcome = "too_little" if enough * len(tried) > level else "unmarked"
    return Verdict(outcome, level, len(tried), found, tuple(ranked[:shown]))


def _adjusted(ranked: Sequence[Candidate]) -> list[Candidate]:
    """Holm: the n-th smallest of m p-values times m - n + 1, never below those before it."""
    made: list[Candidate] = []
    highest = 0.0
    for place, one in enumerate(ranked):
        highest = max(highest, min(1.0, one.p * (len(ranked) - place)))
        made.append(replace(one, adjusted=highest))
    return made

"""From a score to a rung: hysteresis, corroboration and floors. Pure; the memory is two small vectors.

The memory of one track is (rung index or -1, then for each rung the time since when the score has been
at or above its `at`, or NaN). Where people hold a principal on or off the ladder for a while, (score, until,
-infinity) follow: the rung that this score reaches is the least, a score below 0 is none at all. The rung
that was earned is remembered all the same, and counts again when the hold ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gateway.policies.bundle import Ladder, Rung

_MARK = -math.inf
"""Ends a memory with a hold: no time since when a score was reached is that."""


@dataclass(frozen=True, slots=True)
class Climb:
    """What the ladder is told: the score now and what corroborates it."""

    score: float
    policies: int
    age: float
    """Seconds since the account began or was first seen."""
    floor: int
    """Index of the highest rung that a signal's floor lifts to, or -1."""
    now: float
    obeys: bool = True
    """Whether a hold counts: on the enforced track of a gateway in shadow it does not."""


def fresh(ladder: Ladder) -> tuple[float, ...]:
    """The memory of a principal never seen."""
    return (-1.0, *([math.nan] * len(ladder.rungs)))


def hold(ladder: Ladder, memory: tuple[float, ...], score: float, until: float) -> tuple[float, ...]:
    """The memory of a principal that is treated until then as if it had at least this score; below 0: as if
    it had none, whatever it does."""
    earned, _ = _split(memory)
    return (*(earned or fresh(ladder)), score, until, _MARK)


def held(memory: tuple[float, ...]) -> bool:
    """Whether a hold stands in this memory."""
    return len(memory) > 3 and memory[-1] == _MARK


def climb(ladder: Ladder, memory: tuple[float, ...], state: Climb) -> tuple[int, tuple[float, ...]]:
    """(rung index or -1, the new memory).

    The highest rung whose score is reached (or that still holds, above `clear`) and whose requirements
    are met; a floor lifts over all of that.
    """
    memory, order = _split(memory)
    if len(memory) != len(ladder.rungs) + 1:
        memory = fresh(ladder)
    before = int(memory[0])
    since = []
    reached = -1
    for index, rung in enumerate(ladder.rungs):
        above = state.score >= rung.at
        began = memory[index + 1]
        began = (state.now if math.isnan(began) else began) if above else math.nan
        since.append(began)
        holds = index <= before and state.score >= rung.clear
        if _corroborated(rung, state) and (holds or (above and _sustained(rung, state, began))):
            reached = index
    reached = max(reached, state.floor)
    after = (float(reached), *since)
    if not order or state.now >= order[1]:
        return reached, after
    return _obeyed(ladder, reached, order[0]) if state.obeys else reached, (*after, *order)


def _split(memory: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What was earned, and the hold if there is one."""
    return (memory[:-3], memory[-3:]) if held(memory) else (memory, ())


def _obeyed(ladder: Ladder, earned: int, score: float) -> int:
    if score < 0:
        return -1
    return max(earned, sum(rung.at <= score for rung in ladder.rungs) - 1)


def _corroborated(rung: Rung, state: Climb) -> bool:
    return state.policies >= rung.requires.policies and state.age >= rung.requires.principal_age


def _sustained(rung: Rung, state: Climb, began: float) -> bool:
    return state.now - began >= rung.requires.sustained

"""From a score to a rung: hysteresis, corroboration and floors. Pure; the memory is two small vectors.

The memory of one track is (rung index or -1, then for each rung the time since when the score has been
at or above its `at`, or NaN).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gateway.policies.bundle import Ladder, Rung


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


def fresh(ladder: Ladder) -> tuple[float, ...]:
    """The memory of a principal never seen."""
    return (-1.0, *([math.nan] * len(ladder.rungs)))


def climb(ladder: Ladder, memory: tuple[float, ...], state: Climb) -> tuple[int, tuple[float, ...]]:
    """(rung index or -1, the new memory).

    The highest rung whose score is reached (or that still holds, above `clear`) and whose requirements
    are met; a floor lifts over all of that.
    """
    if len(memory) != len(ladder.rungs) + 1:
        memory = fresh(ladder)
    held = int(memory[0])
    since = []
    reached = -1
    for index, rung in enumerate(ladder.rungs):
        above = state.score >= rung.at
        began = memory[index + 1]
        began = (state.now if math.isnan(began) else began) if above else math.nan
        since.append(began)
        holds = index <= held and state.score >= rung.clear
        if _corroborated(rung, state) and (holds or (above and _sustained(rung, state, began))):
            reached = index
    reached = max(reached, state.floor)
    return reached, (float(reached), *since)


def _corroborated(rung: Rung, state: Climb) -> bool:
    return state.policies >= rung.requires.policies and state.age >= rung.requires.principal_age


def _sustained(rung: Rung, state: Climb, began: float) -> bool:
    return state.now - began >= rung.requires.sustained

"""What two plans read in common is read once: the second one asks only for the rest.

A plan looks its readings up by position, so those of the second are put in its own order again. Equal keys
are equal counters: that is what fingerprints are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from gateway.model import Batch, Op, Reading, Reads

Pair: TypeAlias = tuple[Sequence[Op], Sequence[Op]]
"""Operations on a principal's own state, and on that of its organisation."""


class Sharing:
    """Made once for two plans; `first` are the batches that are read anyway."""

    def __init__(self, first: Pair, second: Pair) -> None:
        rests, orders = zip(*map(_split, first, second), strict=True)
        self._rests = tuple(map(Reads, rests))
        self._orders: tuple[list[int], ...] = orders

    def batches(self, scopes: tuple[str, str]) -> list[Batch]:
        """What is left to read for the second plan."""
        return [(scope, rest) for scope, rest in zip(scopes, self._rests, strict=True) if rest]

    def readings(
        self, first: Sequence[Sequence[Reading]], rest: Sequence[Sequence[Reading]]
    ) -> list[list[Reading]]:
        """The answers to both plans' batches in the order of the second plan's."""
        left = iter(rest)
        answers = []
        for place, (asked, order) in enumerate(zip(self._rests, self._orders, strict=True)):
            known = [*(first[place] if place < len(first) else ()), *(next(left) if asked else ())]
            answers.append([known[at] for at in order])
        return answers if self._orders[1] else answers[:1]


def _split(first: Sequence[Op], second: Sequence[Op]) -> tuple[tuple[Op, ...], list[int]]:
    """The operations that only the second has, and where each of its readings stands among both's."""
    places = {op: place for place, op in enumerate(first)}
    rest = tuple(op for op in second if op not in places)
    places |= {op: len(first) + place for place, op in enumerate(rest)}
    return rest, [places[op] for op in second]

"""What the population says: which words are rare in its conversations, and how people put things.

Two tables of fixed size, into which each account is heard for its first turns only, so that a busy program is
not taken for the population; and beside them the strays of those under suspicion, which are compared with the
rest. Everything is counted in hashes, and adds up over replicas.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from operator import add

from gateway.campaigns.operations import Said

WORDS, STYLE = 1 << 16, 1 << 14
"""Places in the tables: as many as `gateway.signals.threads` has hashes."""
RARE = 0.02
"""Share of turns up to which a word tells something: taken up, it is no chance."""
TELLING = 2
"""Rare words without which a turn ("go on") neither takes up anything nor fails to."""
WARM = 200
"""Turns heard before any word is called rare."""
OFTEN = 8
"""Times that others must have said a word before it tells a style: a subject is no style."""
CERTAIN = 2.0
"""Largest weight of a word, a logarithm of odds: no single word makes two accounts alike."""
PRIOR = 200.0
"""Words of ordinary speech that are put into the pool beforehand, for those not met there yet."""
UNHEARD = 0.01
"""Times that what was never heard is taken to have been said. Small: all of them together count as speech,
and while little is heard they would make whatever is common look like the pool's own."""
ENOUGH = 800
"""Hashes of strays, some sixty turns, without which nothing is said of likeness."""
FADES = 1 << 18
"""Turns heard after which all that the tables hold counts half."""


class Speech:
    """The tables; see the module's words."""

    __slots__ = ("_drawn", "_heard", "_ordinary", "_pool", "_said", "_words")

    def __init__(self) -> None:
        self._heard = 0
        self._words = array("I", bytes(4 * WORDS))
        """In how many turns that follow an answer each word was."""
        self._said = 0
        self._ordinary = array("I", bytes(4 * STYLE))
        """How often each style hash was met, but in strays."""
        self._drawn = 0
        self._pool = array("I", bytes(4 * STYLE))
        """The same in the strays of suspects."""

    def stray(self, said: Said) -> bool | None:
        """Whether a turn takes up nothing telling of its conversation; None where that cannot be told."""
        if not said.follows or self._heard < WARM:
            return None
        most, words = RARE * self._heard, self._words
        if any(words[word] <= most for word in said.taken):
            return False
        own = sum(words[word] <= most for word in said.own)
        return True if own >= TELLING else None

    def hear(self, said: Said, stray: bool | None) -> None:
        """Count a turn."""
        if said.follows:
            self._heard += 1
            for word in (*said.own, *said.taken):
                self._words[word] += 1
        if not stray:
            self._said += len(said.style)
            for each in said.style:
                self._ordinary[each] += 1
        if self._heard >= FADES:
            self._heard //= 2
            self._words = array("I", [count // 2 for count in self._words])
            self._ordinary = array("I", [count // 2 for count in self._ordinary])
            self._said = sum(self._ordinary)

    def draw(self, style: Iterable[int], times: int) -> None:
        """Put a suspect's strays into the pool, or take them out again (`times` -1)."""
        for each in style:
            self._pool[each] += times
            self._drawn += times

    def likeness(self, style: Mapping[int, int], own: Mapping[int, int]) -> float:
        """How much more somebody's turns (`style`, with how often each hash is in them) are like the pool
        than like ordinary speech: the mean logarithm of odds. `own` is what he put into the pool himself."""
        drawn, said = self._drawn - sum(own.values()) + PRIOR, self._said + UNHEARD * STYLE
        if drawn < ENOUGH:
            return 0.0
        total = count = 0.0
        for each, times in style.items():
            others, ordinary = self._pool[each] - own.get(each, 0), self._ordinary[each]
            if others + ordinary >= OFTEN:
                share = (ordinary + UNHEARD) / said
                weight = math.log((others + PRIOR * share) / (drawn * share))
                total += times * max(-CERTAIN, min(CERTAIN, weight))
                count += times
        return total / count if count else 0.0

    def merge(self, other: Speech) -> None:
        """Take over what another replica heard, all but the pool, which its owners put there."""
        self._heard += other._heard
        self._said += other._said
        self._words = array("I", map(add, self._words, other._words))
        self._ordinary = array("I", map(add, self._ordinary, other._ordinary))


def counted(*styles: Iterable[int]) -> Mapping[int, int]:
    """How often each hash is in these."""
    found = Counter[int]()
    for style in styles:
        found.update(style)
    return found

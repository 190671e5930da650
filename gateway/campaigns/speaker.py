"""What one account is remembered by as a partner in conversation: turns that followed, and strays among them.

A stray is a new turn that takes up no telling word of the conversation that it is sent in. Everybody changes
the subject now and then; whoever does so nearly always has no conversation, and only looks as if.

Bounded: 1.2 KiB at most (measured with `nbytes`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

LEAST = 3
"""Strays without which nobody is under suspicion: two happen to anybody."""
SHARE = 0.6
"""Share of the turns that followed an answer that must be strays. Measured: people .0 to .4, a harvest with a
third of innocent talk .5 to .8."""
HABIT = 0.4
"""The same when it is asked whether all users of a tool do so: their customers answer questions in a word."""
STRAY, TAKEN = 1.5, 1.0
"""Weights of evidence (logarithms of odds): of a stray for made-up conversations, of a turn that takes
something up against them. Measured: two thirds of the turns of a harvest with a third of innocent talk are
strays, and a sixth of people's."""
KEPT = 192
"""Hashes of the style of turns that are remembered, of strays and of openings each: the last ten or so."""
LATELY = 64.0
"""Turns that followed after which the older half counts half."""


class Speaker:
    """One account. `mark` is the hash of its name, `circle` of its organisation; `place` of the network and
    `cover` of how the system prompt began that it last used."""

    __slots__ = (
        *("alike", "circle", "counted", "cover", "drawn", "follows", "last", "latest", "likeness"),
        *("mark", "name", "opened", "place", "strayed", "strays", "turns"),
    )

    def __init__(self, name: str, mark: int, circle: int) -> None:
        self.name = name
        self.mark = mark
        self.circle = circle
        self.place = mark
        self.cover = 0
        self.last = 0.0
        self.latest = 0
        """A hash of the latest turn: one that is sent again is no other."""
        self.turns = 0
        """Those heard, whether they followed an answer or not."""
        self.follows = 0.0
        """Turns that followed an answer and said enough to tell."""
        self.strays = 0.0
        self.strayed = array("H")
        """Style of the strays, newest last."""
        self.opened = array("H")
        """Style of the turns that opened a conversation."""
        self.drawn = False
        """Whether it is under suspicion, and its strays are in the pool."""
        self.likeness = 0.0
        """How much more its turns are like the strays of the other suspects than like what others say."""
        self.alike = False
        """Whether it is under suspicion, and like the others."""
        self.counted = (0, False)
        """The cover that it is counted under, and whether as one who strays."""

    def follow(self, stray: bool) -> None:
        """Another turn that followed an answer."""
        if self.follows >= LATELY:
            self.follows, self.strays = self.follows / 2, self.strays / 2
        self.follows += 1.0
        self.strays += stray

    def stray(self, style: Iterable[int]) -> list[int]:
        """Remember the style of a stray; what is forgotten for it."""
        self.strayed.extend(style)
        gone = self.strayed[:-KEPT].tolist()
        del self.strayed[:-KEPT]
        return gone

    def open(self, style: Iterable[int]) -> None:
        """Remember the style of a turn that opened a conversation."""
        self.opened.extend(style)
        del self.opened[:-KEPT]

    def share(self, least: float) -> bool:
        """Whether strays are so large a part of what followed."""
        return self.strays >= LEAST and self.strays >= least * self.follows

    def weight(self) -> float:
        """The evidence for made-up conversations, a logarithm of odds."""
        return STRAY * self.strays - TAKEN * (self.follows - self.strays)

    def merge(self, other: Speaker) -> None:
        """Take over what another replica heard."""
        if other.last > self.last:
            self.last, self.place, self.cover = other.last, other.place, other.cover
        self.turns += other.turns
        self.follows += other.follows
        self.strays += other.strays
        self.stray(other.strayed)
        self.open(other.opened)

    def nbytes(self) -> int:
        """Bytes held beside the name."""
        hashes = (self.mark, self.circle, self.place, self.cover, self.latest)
        parts = (
            self,
            self.strayed,
            self.opened,
            self.last,
            self.follows,
            self.strays,
            self.likeness,
            *hashes,
        )
        return sum(part.__sizeof__() for part in parts)

"""What one account is remembered by: the frames that it used once, and those that it used again.

Bounded: 0.9 KiB on average in mixed traffic and 2 KiB at most (measured with `nbytes`). Hashes are cut to
32 bits here: among some hundreds in one account two collide once in 10^5 accounts, and a piece that only
seems to come back is no campaign's.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.campaigns.campaign import Campaign

ONCE = 224
"""Pieces remembered that were used once: those of the last dozen calls with long prompts."""
AGAIN = 64
"""Pieces remembered that came back in another prompt."""
DIGESTS = 24
"""Prompts remembered, so that a repeated prompt is no habit."""
LOW = 2**32 - 1


class Account:
    """One account's memory. `mark` is the hash of its name; `circle` of its organisation, `place` of the
    network that it was last heard from (its own mark where it has none)."""

    __slots__ = (
        "again",
        "calls",
        "campaigns",
        "checked",
        "circle",
        "digests",
        "mark",
        "name",
        "once",
        "place",
    )

    def __init__(self, name: str, mark: int, circle: int) -> None:
        self.name = name
        self.mark = mark
        self.circle = circle
        self.place = mark
        self.once = array("I")
        self.again = array("I")
        self.digests = array("I")
        self.calls = 0
        """Different prompts heard."""
        self.campaigns: tuple[Campaign, ...] = ()
        """Those whose frame it used in two different prompts."""
        self.checked = 0
        """The linker's generation when its memory was last searched."""

    def repeats(self, digest: int) -> bool:
        """Whether this prompt was sent lately; remembers it."""
        if digest in self.digests:
            return True
        self.calls += 1
        self.digests.append(digest)
        del self.digests[:-DIGESTS]
        return False

    def hear(self, frame: tuple[int, ...]) -> tuple[list[int], list[int]]:
        """Remember a new prompt's frame; (pieces that came back for the first time, those never heard)."""
        lows = dict(zip(map(LOW.__and__, frame), frame, strict=True))
        # The small set asks the large array, not the other way round: no table of the large one is made.
        known = set(lows).intersection(self.again)
        if len(known) == len(lows):
            return [], []
        back = set(lows).difference(known).intersection(self.once)
        fresh = [low for low in lows if low not in known and low not in back]
        if back:
            self.again.extend([low for low in lows if low in back])
            del self.again[:-AGAIN]
        self.once.extend(fresh)
        del self.once[:-ONCE]
        return [lows[low] for low in lows if low in back], [lows[low] for low in fresh]

    def merge(self, other: Account) -> None:
        """Take over what another replica heard; what both heard once came back."""
        both = set(self.once) & set(other.once)
        again = dict.fromkeys([*self.again, *other.again, *sorted(both)])
        once = dict.fromkeys([*self.once, *other.once])
        self.again = array("I", again)[-AGAIN:]
        self.once = array("I", (piece for piece in once if piece not in again))[-ONCE:]
        self.calls += other.calls
        self.digests = array("I", dict.fromkeys([*self.digests, *other.digests]))[-DIGESTS:]

    def nbytes(self) -> int:
        """Bytes held beside the name."""
        parts = (
            self,
            self.once,
            self.again,
            self.digests,
            self.mark,
            self.circle,
            self.place,
            self.campaigns,
        )
        return sum(part.__sizeof__() for part in parts)

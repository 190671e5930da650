"""Sums of vectors over the last requests: two blocks, of which the older goes when the newer is full.

What belongs here is the one summary behind `Blocks`; what the vectors are is somebody else's business.
"""

from __future__ import annotations

import math
import sys
from array import array

from gateway.model import Reading
from gateway.observations import Blocks


class BlockSums:
    """(count, sums…) of the block before and of the one that fills, in single precision."""

    __slots__ = ("before", "now")
    until = -math.inf
    """What it answers is made when it is asked for: kept, it would be as large as a block."""

    def __init__(self, width: int) -> None:
        self.before = array("f", bytes(4 * (width + 1)))
        self.now = array("f", bytes(4 * (width + 1)))

    def update(self, op: Blocks, now: float) -> Reading:
        """Add a vector, or read."""
        if op.numbers:
            if self.now[0] >= op.keep:
                self.before, self.now = self.now, array("f", bytes(4 * len(self.now)))
            self.now[0] += 1.0
            for place, number in enumerate(op.numbers, 1):
                self.now[place] += number
        if not self.now[0]:
            return Reading()
        return Reading(data=array("f", map(float.__add__, self.before, self.now)).tobytes())

    def merge(self, other: BlockSums) -> None:
        """Add up block by block; a block then may hold more than `keep`, and the next one begins at once."""
        self.before = array("f", map(float.__add__, self.before, other.before))
        self.now = array("f", map(float.__add__, self.now, other.now))

    def nbytes(self) -> int:
        """Bytes held, overheads included."""
        return sum(map(sys.getsizeof, (self, self.before, self.now)))

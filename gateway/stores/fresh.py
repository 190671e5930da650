"""How much was given away for inputs that differ: exact sums that fade, and the share that came again.

What belongs here is the one bounded summary behind `Fresh`. What an input is, and what is added up for it,
is `gateway.signals.budget`'s business; no text comes here, and no clock.

The sums are exact. Which part of them was for inputs that came before is told by a sample: inputs whose hash
is below a bound, each with how often it came (distinct sampling, Gibbons 2001). While there are fewer than
KEPT different ones all are in it; then the bound is halved. So what never repeats is counted exactly, and a
share of one half has a standard error of about 0.06. At most 1.1 KiB (`nbytes`), whatever the traffic.
"""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left

from gateway.model import Reading
from gateway.observations import Fresh

KEPT = 64
"""Different inputs whose repeats are counted."""
_FULL = 65535
_SPACE = 1 << 64


class FreshSums:
    """Sums that halve every half-life, and a sample of the inputs they were for."""

    __slots__ = ("at", "bound", "epoch", "items", "sums", "times")
    until = -math.inf
    """It fades all the time."""

    def __init__(self, width: int) -> None:
        self.at = -math.inf
        """The time that the sums are as of."""
        self.sums = array("d", bytes(8 * width))
        self.items: array[int] = array("Q")
        """Hashes of sampled inputs in order, and in `times` how often each came."""
        self.times: array[int] = array("H")
        self.bound = _SPACE
        self.epoch = -math.inf
        """The half-life that `times` are as of."""

    def update(self, op: Fresh, now: float) -> Reading:
        """Add (if asked) and read: what came again is taken off in proportion."""
        if op.items:
            self._fade(op.half_life, now)
            # What comes late has faded by now.
            weight = _part(self.at - now, op.half_life)
            for place, amount in enumerate(op.amounts):
                self.sums[place] += amount * weight
            for item in op.items:
                self._note(item)
        came = sum(self.times)
        share = len(self.times) / came if came else 0.0
        weight = _part(now - self.at, op.half_life)
        return Reading((share, *(value * weight for value in self.sums)))

    def _fade(self, half_life: float, now: float) -> None:
        """Bring everything to `now`, unless it is later than that already."""
        if now > self.at:
            part = _part(now - self.at, half_life)
            self.sums = array("d", [value * part for value in self.sums])
            self.at = now
        epoch = math.floor(self.at / half_life)
        if epoch > self.epoch:
            # What came once stays as one: a suite that is run every few weeks is the same suite.
            shift = int(min(16, epoch - self.epoch))
            self.times = array("H", [max(1, times >> shift) for times in self.times])
            self.epoch = epoch

    def _note(self, item: int, times: int = 1) -> None:
        if item >= self.bound:
            return
        place = bisect_left(self.items, item)
        if place < len(self.items) and self.items[place] == item:
            self.times[place] = min(_FULL, self.times[place] + times)
            return
        self.items.insert(place, item)
        self.times.insert(place, times)
        while len(self.items) > KEPT:
            self._cut(self.bound >> 1)

    def _cut(self, bound: int) -> None:
        self.bound = bound
        end = bisect_left(self.items, bound)
        del self.items[end:]
        del self.times[end:]

    def merge(self, other: FreshSums, op: Fresh) -> None:
        """Add the other's sums and sample, as of the later of both."""
        later = max(self.at, other.at)
        if later == -math.inf:
            return
        self._fade(op.half_life, later)
        other._fade(op.half_life, later)
        self.sums = array("d", map(float.__add__, self.sums, other.sums))
        self._cut(min(self.bound, other.bound))
        for item, times in zip(other.items, other.times, strict=True):
            self._note(item, times)

    def nbytes(self) -> int:
        """Bytes held, overheads included."""
        return sys.getsizeof(self) + sum(map(sys.getsizeof, (self.sums, self.items, self.times))) + 88


def _part(seconds: float, half_life: float) -> float:
    """What is left after so long."""
    left: float = 0.5 ** (max(0.0, seconds) / half_life)
    return left

"""A set of which only the smallest hashes are kept: bounded, mergeable, exact while it is small.

The one sketch of this package (bottom-k, Beyer et al. 2007). It has no clock and no window: what is too
old goes with the trait or campaign that holds it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator

KEPT = 64
"""Hashes kept: exact up to as many items, then a standard error of 1/sqrt(62) = 12.7 %."""
_SPACE = float(2**64)


class Smallest:
    """The smallest KEPT of the 64-bit hashes that were added, in order."""

    __slots__ = ("hashes",)

    def __init__(self) -> None:
        self.hashes = array("Q")

    def add(self, item: int) -> None:
        """Take in one hash; what was there already changes nothing."""
        hashes = self.hashes
        if len(hashes) == KEPT and item >= hashes[-1]:
            return
        at = bisect_left(hashes, item)
        if at == len(hashes) or hashes[at] != item:
            hashes.insert(at, item)
            del hashes[KEPT:]

    def nbytes(self) -> int:
        """Bytes held."""
        return self.__sizeof__() + self.hashes.__sizeof__()

    def merge(self, other: Smallest) -> None:
        """Take in all of another replica's."""
        for item in other.hashes:
            self.add(item)

    def common(self, other: Smallest, least: int = 1) -> int:
        """How many items both have (estimated as `len` is); 0 unless `least` of them are known by name, so
        that one chance meeting is not taken for the many that it would stand for."""
        both = set(self.hashes).intersection(other.hashes)
        if len(both) < least or max(len(self.hashes), len(other.hashes)) < KEPT:
            return len(both) if len(both) >= least else 0
        union = sorted({*self.hashes, *other.hashes})[:KEPT]
        return round(len(both.intersection(union)) * (KEPT - 1) / KEPT * _SPACE / union[-1])

    def __len__(self) -> int:
        """How many different hashes were added: exact to KEPT, estimated above."""
        if len(self.hashes) < KEPT:
            return len(self.hashes)
        return round((KEPT - 1) * _SPACE / self.hashes[-1])

    def __iter__(self) -> Iterator[int]:
        """The kept hashes, a fair sample of all."""
        return iter(self.hashes)

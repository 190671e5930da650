"""Many windowed sums of one scope in one table: one row of time for all of them, instead of one for each.

What belongs here is the summary behind `Ledger`, which knows its columns by name, so that bundles with other
columns in another order go on counting; time slices and their sums are `WindowSum`'s. Of 40 columns in 12
slices there are 4.7 KiB (`nbytes`), as 40 sums by themselves there would be 15.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Set

from gateway.model import Reading
from gateway.observations import Ledger, Names, owner
from gateway.stores.summaries import WindowSum


class LedgerRows:
    """A window's sums under the names that the latest writer gave them."""

    __slots__ = ("names", "sums")
    until = -math.inf
    """Who asks under other names is answered differently, so no reading stands for all."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.sums = WindowSum(len(names))

    @property
    def reading(self) -> Reading:
        """The sums in the order of `names`, as of the latest update."""
        return self.sums.reading

    def update(self, op: Ledger, now: float) -> Reading:
        """Add (if asked) and read."""
        if op.names is not self.names and not self._follows(op):
            return self._translated(op, now)
        return self.sums.count(op.over, op.slices, op.amounts, now)

    def _follows(self, op: Ledger) -> bool:
        """Take over the operation's names, if none of the own ones is lost by that."""
        if not self.names.places.keys() <= op.names.places.keys():
            return False
        self._rename(op.names)
        return True

    def _rename(self, names: Names) -> None:
        if names != self.names:
            self.sums.arrange([self.names.places.get(name) for name in names])
        self.names = names

    def _translated(self, op: Ledger, now: float) -> Reading:
        """For a plan that lacks some of the names: one beside another, or after one not yet forgotten."""
        missing = [name for name in op.names if name not in self.names.places]
        if missing and op.amounts:
            self._rename(Names((*self.names, *missing)))
        own = self.names.places
        amounts = [(own[op.names[place]], amount) for place, amount in op.amounts]
        values = self.sums.count(op.over, op.slices, amounts, now).values
        return Reading(tuple([values[own[name]] if name in own else 0.0 for name in op.names]))

    def forget(self, keys: Set[str]) -> None:
        """Drop the columns of these sums."""
        kept = [name for name in self.names if owner(name) not in keys]
        if len(kept) < len(self.names):
            self._rename(Names(kept))

    def merge(self, other: LedgerRows) -> None:
        """Add the other's slices, column by column."""
        missing = [name for name in other.names if name not in self.names.places]
        if missing:
            self._rename(Names((*self.names, *missing)))
        theirs = WindowSum(0)
        theirs.width, theirs.rows = other.sums.width, other.sums.rows
        theirs.arrange([other.names.places.get(name) for name in self.names])
        self.sums.merge(theirs)

    def nbytes(self) -> int:
        """Bytes held, overheads included; the names are shared by all who have the same."""
        return sys.getsizeof(self) + self.sums.nbytes()

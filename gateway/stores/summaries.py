"""The mergeable summaries behind the store's operations: small, bounded, and free of any clock.

`reading` is the answer to an operation that only reads, and stays so for all times before `until`.

Law: every summary can be merged with one of the same key from another replica, in any order and
grouping, and gives what one replica would have seen (exactly for sums, maxima and registers, within
its stated error for sketches). Numbers are kept in `array`s: a Python float in a list costs four times
as much.
"""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left
from collections.abc import Sequence

from gateway.model import Distinct, Gap, Peaks, Reading, Recent, Register, Sum, Take

SKETCH = 64
"""Hashes kept per distinct-count slice: standard error 1/sqrt(62) = 12.7 % (bottom-k, Beyer et al. 2007)."""
SKETCH_SLICES = 6
_SPACE = float(2**64)


class WindowSum:
    """Sums of a vector per time slice; the window's sum leaves the oldest slice out as it ends."""

    __slots__ = ("begins", "ends", "reading", "rows", "until", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.rows: array[float] = array("d")
        """Rows of (slice number, sums…), oldest first."""
        self.reading = Reading((0.0,) * (width + 1))
        """The totals, then the number of rows."""
        self.until = math.inf
        self.begins = self.ends = -math.inf
        """The time of the newest row."""

    def update(self, op: Sum, now: float) -> Reading:
        """Add and read; late arrivals (clock skew) go to their own slice while it is in the window."""
        amounts = op.amounts
        return self.count(op.over, op.slices, tuple(enumerate(amounts)) if any(amounts) else (), now)

    def count(self, over: float, slices: int, amounts: Sequence[tuple[int, float]], now: float) -> Reading:
        """The same with (place, amount) pairs: of many places few change."""
        if self.begins <= now < self.ends and now < self.until:
            if amounts:
                self._add_to(len(self.rows) - self.width, amounts)
            return self.reading
        span = over / slices
        slot = now // span
        rows = self.rows
        if rows and rows[0] <= slot - slices:
            self._forget(slot - slices)
        if amounts:
            self._add(slot, amounts)
        # When the oldest row leaves the window.
        self.until = (rows[0] + slices) * span if rows else math.inf
        if rows and rows[-1 - self.width] == slot:
            self.begins, self.ends = slot * span, (slot + 1) * span
        return self.reading

    def _forget(self, until: float) -> None:
        stride, cut = self.width + 1, 0
        while cut < len(self.rows) and self.rows[cut] <= until:
            cut += stride
        del self.rows[:cut]
        if not self.rows:
            # The newest row has gone, too: what arrives late in its slice begins a new one.
            self.begins = self.ends = -math.inf
        self._tell()

    def _tell(self) -> None:
        """Add everything up anew."""
        stride = self.width + 1
        totals = [sum(self.rows[i + 1 :: stride]) for i in range(self.width)]
        self.reading = Reading((*totals, float(len(self.rows) // stride)))

    def _add(self, slot: float, amounts: Sequence[tuple[int, float]]) -> None:
        stride = self.width + 1
        rows = self.rows
        at = len(rows)
        while at and rows[at - stride] > slot:
            at -= stride
        if at and rows[at - stride] == slot:
            at -= stride
        else:
            rows[at:at] = array("d", (slot, *([0.0] * self.width)))
        self._add_to(at + 1, amounts)

    def _add_to(self, at: int, amounts: Sequence[tuple[int, float]]) -> None:
        rows, totals = self.rows, list(self.reading.values)
        for place, amount in amounts:
            rows[at + place] += amount
            totals[place] += amount
        totals[-1] = float(len(rows) // (self.width + 1))
        self.reading = Reading(tuple(totals))

    def arrange(self, places: Sequence[int | None]) -> None:
        """Let each place hold what stood at another, or (None) nothing yet."""
        stride, old, self.width = self.width + 1, self.rows, len(places)
        self.rows = array("d")
        for at in range(0, len(old), stride):
            row = [0.0 if place is None else old[at + 1 + place] for place in places]
            self.rows.extend((old[at], *row))
        self._tell()

    def merge(self, other: WindowSum) -> None:
        """Take over the other's slices: the same slice adds up."""
        stride = self.width + 1
        for at in range(0, len(other.rows), stride):
            self._add(other.rows[at], tuple(enumerate(other.rows[at + 1 : at + stride])))
        self.until = self.begins = self.ends = -math.inf

    def nbytes(self) -> int:
        """Bytes held, overheads included."""
        values = sys.getsizeof(self.reading.values) + 24 * (self.width + 1)
        return sys.getsizeof(self) + sys.getsizeof(self.rows) + sys.getsizeof(self.reading) + values


class DistinctSketch:
    """Bottom-k hashes per time slice; their union estimates the distinct items of the window."""

    __slots__ = ("bound", "latest", "reading", "slices", "until")

    def __init__(self) -> None:
        self.latest: tuple[int, tuple[int, ...]] | None = None
        """The slice and the items of the latest update that added any."""
        self.slices: list[tuple[int, array[int]]] = []
        """(slice number, the smallest hashes in order), oldest first."""
        self.reading = Reading((0.0,))
        self.until = -math.inf
        self.bound = _SPACE
        """The largest of the hashes that make the estimate: what is above does not change it."""

    def update(self, op: Distinct, now: float) -> Reading:
        """Add, or read: the estimate costs too much to be made for nobody."""
        current = int(now * SKETCH_SLICES // op.over)
        slices = self.slices
        if op.items:
            # System prompts, user agents and addresses are nearly always those of the call before.
            if self.latest == (current, op.items):
                return self.reading
            self.latest = (current, op.items)
        while slices and slices[0][0] <= current - SKETCH_SLICES:
            del slices[0]
            self.until = -math.inf
        for item in op.items:
            self._add(current, item)
        if self.until == -math.inf and not op.items:
            self.reading = Reading((self._estimate(),))
            self.until = (slices[0][0] + SKETCH_SLICES) * op.over / SKETCH_SLICES if slices else math.inf
        return self.reading

    def _slice(self, slot: int) -> array[int]:
        at = len(self.slices)
        while at and self.slices[at - 1][0] > slot:
            at -= 1
        if not at or self.slices[at - 1][0] != slot:
            self.slices.insert(at, (slot, array("Q")))
            at += 1
        return self.slices[at - 1][1]

    def _add(self, slot: int, item: int) -> None:
        hashes = self._slice(slot)
        at = bisect_left(hashes, item)
        if at == SKETCH or (at < len(hashes) and hashes[at] == item):
            return
        hashes.insert(at, item)
        if len(hashes) > SKETCH:
            hashes.pop()
        if item <= self.bound:
            self.until = -math.inf

    def _estimate(self) -> float:
        smallest = sorted(set().union(*(hashes for _, hashes in self.slices)))[:SKETCH]
        full = len(smallest) == SKETCH
        self.bound = smallest[-1] if full else _SPACE
        return (SKETCH - 1) * _SPACE / self.bound if full else float(len(smallest))

    def merge(self, other: DistinctSketch) -> None:
        """Union, slice by slice."""
        for slot, hashes in other.slices:
            for item in hashes:
                self._add(slot, item)

    def nbytes(self) -> int:
        """Bytes held, overheads included."""
        return sys.getsizeof(self) + sum(sys.getsizeof(hashes) + 128 for _, hashes in self.slices)


class GapStatistics:
    """Count, sum and sum of squares of the gaps between arrivals, and the latest arrival."""

    __slots__ = ("last", "reading", "sums", "until")

    def __init__(self) -> None:
        self.sums = WindowSum(3)
        self.last = -math.inf
        self.reading = Reading((0.0, 0.0, 0.0))
        self.until = math.inf

    def update(self, op: Gap, now: float) -> Reading:
        """Note an arrival (if asked) and read."""
        amounts = (0.0, 0.0, 0.0)
        if op.arrive:
            if self.last > -math.inf:
                gap = abs(now - self.last)
                amounts = (1.0, gap, gap * gap)
            self.last = max(self.last, now)
        n, total, squares, _ = self.sums.update(Sum(op.key, op.over, amounts), now).values
        mean = total / n if n else 0.0
        variance = max(0.0, squares / n - mean * mean) if n else 0.0
        self.reading = Reading((n, mean, math.sqrt(variance) / mean if mean else 0.0))
        self.until = self.sums.until
        return self.reading

    def merge(self, other: GapStatistics) -> None:
        """Add the gaps that each replica saw; the gap across replicas is not known and left out."""
        self.sums.merge(other.sums)
        self.last = max(self.last, other.last)
        self.until = -math.inf

    def nbytes(self) -> int:
        """Bytes held, overheads included."""
        return sys.getsizeof(self) + 24 + self.sums.nbytes()


def _without(items: bytes, item: bytes) -> bytes:
    """8-byte items end to end, less the one that is equal. A search in bytes is C throughout."""
    at = items.find(item)
    while at % 8 and at > 0:  # found across two items
        at = items.find(item, at + 1)
    return items if at < 0 else items[:at] + items[at + 8 :]


class RecentItems:
    """The last items, end to end in one bytes object."""

    __slots__ = ("at", "reading")
    until = math.inf

    def __init__(self) -> None:
        self.reading = Reading()
        self.at = -math.inf

    @property
    def data(self) -> bytes:
        """The items, the newest last."""
        return self.reading.data

    def update(self, op: Recent, now: float) -> Reading:
        """Push and read what was there before."""
        before = self.reading
        if op.data:
            self.at = max(self.at, now)
            self.reading = Reading(data=self._join(before.data, op.data, op.keep, op.size, op.unique))
        return before

    @staticmethod
    def _join(old: bytes, new: bytes, keep: int, size: int, unique: bool) -> bytes:
        if unique:
            pushed = list(dict.fromkeys(new[at : at + 8] for at in range(0, len(new), 8)))
            for item in pushed:
                old = _without(old, item)
            new = b"".join(pushed)
        return (old + new)[-keep * size :]

    def merge(self, other: RecentItems, op: Recent) -> None:
        """Older side first, by the time of the latest push."""
        older, newer = sorted((self, other), key=lambda side: (side.at, side.data))
        self.reading = Reading(data=self._join(older.data, newer.data, op.keep, op.size, op.unique))
        self.at = newer.at

    def nbytes(self) -> int:
        """Bytes held, overheads included."""
        return sys.getsizeof(self) + sys.getsizeof(self.reading) + sys.getsizeof(self.data) + 24


class FadingPeaks:
    """Maxima, each of which halves every half-life."""

    __slots__ = ("peaks", "reading")
    until = -math.inf
    """It fades all the time."""

    def __init__(self, count: int) -> None:
        self.peaks: list[tuple[float, float]] = [(0.0, -math.inf)] * count
        """(value, time when it was that)."""

    def update(self, op: Peaks, now: float) -> Reading:
        """Raise what is higher, and read the faded values."""
        half_life, peaks = op.half_life, self.peaks
        faded = [_faded(peak, now, half_life) for peak in peaks]
        for at, points in enumerate(op.points):
            if points and points >= faded[at]:
                faded[at] = points
                peaks[at] = (points, max(peaks[at][1], now))
        self.reading = Reading(tuple(faded))
        return self.reading

    def merge(self, other: FadingPeaks, op: Peaks) -> None:
        """Keep of each the one that is higher at the later of both times."""
        for at, (mine, theirs) in enumerate(zip(self.peaks, other.peaks, strict=True)):
            now = max(mine[1], theirs[1])
            if _faded(theirs, now, op.half_life) > _faded(mine, now, op.half_life):
                self.peaks[at] = theirs

    def nbytes(self) -> int:
        """Bytes held, overheads included."""
        return sys.getsizeof(self) + sys.getsizeof(self.peaks) + 104 * len(self.peaks)


def _faded(peak: tuple[float, float], now: float, half_life: float) -> float:
    value, at = peak
    if not value or now <= at:
        return value
    fading: float = 0.5 ** ((now - at) / half_life)
    return value * fading


class LastRegister:
    """A small vector that the last writer owns."""

    __slots__ = ("at", "reading")
    until = math.inf

    def __init__(self) -> None:
        self.reading = Reading()
        self.at = -math.inf

    @property
    def values(self) -> tuple[float, ...]:
        """What was written last."""
        return self.reading.values

    def update(self, op: Register, now: float) -> Reading:
        """Write (if asked) and read what stood there before."""
        before = self.reading
        if op.values is not None and now >= self.at:
            self.reading, self.at = Reading(op.values), now
        return before

    def merge(self, other: LastRegister) -> None:
        """The later write stays."""
        if (other.at, other.values) > (self.at, self.values):
            self.reading, self.at = other.reading, other.at

    def nbytes(self) -> int:
        """Bytes held, overheads included."""
        return sys.getsizeof(self) + sys.getsizeof(self.values) + 24 * (len(self.values) + 1)


class TokenBucket:
    """GCRA (ITU-T I.371): the theoretical arrival time is the whole state."""

    __slots__ = ("arrival",)
    until = -math.inf
    """It is taken from, never only read."""

    def __init__(self) -> None:
        self.arrival = -math.inf

    def update(self, op: Take, now: float) -> Reading:
        """Take a token, or say how long until there is one."""
        arrival = max(self.arrival, now)
        wait = arrival - now - op.interval * (op.burst - 1)
        if wait > 0:
            return Reading((0.0, wait))
        self.arrival = arrival + op.interval
        return Reading((1.0, 0.0))

    def merge(self, other: TokenBucket) -> None:
        """The fuller use stays."""
        self.arrival = max(self.arrival, other.arrival)

    def nbytes(self) -> int:
        """Bytes held, overheads included."""
        return sys.getsizeof(self) + 24

"""A reference of honest customers from recorded traffic: who is in it, and how strange they are by it.

What belongs here is what is made of whose requests; the file and the statistic are `gateway.references`. The
first half of each customer's requests says where it stands, the second how far it goes from there, through
the very summary that the live gateway keeps. The lines are read several times, so that memory does not grow
with them.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import mul

import msgspec

from gateway import dialects, turns
from gateway.corpora import Origin
from gateway.dialects import body as bodies
from gateway.dialects.routes import resolve
from gateway.errors import CallError
from gateway.fields import Facts
from gateway.model import Client, Principal
from gateway.observations import Blocks
from gateway.readers.base import Line
from gateway.references import EVERY, LEAST, Reference, reference
from gateway.signals.layout import vector
from gateway.stores.memory import MemoryStore

WINDOW = 200
POINTS = 128
"""Customers that are kept to compare with, those that cover all best."""
CUSTOMERS = 20
"""Fewer say nothing of a share."""
_FLOOR = 0.1
"""The least unit: where customers hardly differ, chance would be taken for a difference."""
_SCOPES = 100_000

Lines = Callable[[], Iterable[Line]]
"""Gives all lines anew."""


@dataclass(frozen=True, slots=True)
class Made:
    """A reference, of how many customers and requests, and how many lines were left out as hostile."""

    reference: Reference
    customers: int
    requests: int
    hostile: int


def make(origin: Origin, lines: Lines) -> Made:
    """The reference of these lines; those whose `truth` says attack are left out.

    Raises ValueError if too few customers sent enough.
    """
    counts: Counter[str] = Counter()
    hostile = 0
    for line in lines():
        hostile += _is_hostile(line)
        counts[line.principal] += not _is_hostile(line)
    halves = {who: count // 2 for who, count in counts.items() if count // 2 >= LEAST}
    if len(halves) < CUSTOMERS:
        raise ValueError(f"{len(halves)} customers sent {2 * LEAST} requests or more: {CUSTOMERS} are needed")
    means, units = _means(_vectors(lines), halves)
    center, scale = _scales(list(means.values()))
    scaled = [_scaled(mean, center, scale) for mean in means.values()]
    chosen = covering(scaled, POINTS)
    points = [scaled[at] for at in chosen]
    requests = sum(counts[who] for who in halves)
    origin = msgspec.structs.replace(origin, items=requests, of="windows")
    bare = reference(origin, WINDOW, (center, scale), points, ([0.0], [0.0]))
    names = list(means)
    found = _farthest(_vectors(lines), halves, bare, [units[names[at]] for at in chosen])
    customers, strangers = zip(*found.values(), strict=True)
    whole = reference(origin, WINDOW, (center, scale), points, (customers, strangers))
    return Made(whole, len(halves), requests, hostile)


def _is_hostile(line: Line) -> bool:
    return (line.truth or "").startswith("attack")


_Sent = tuple[str, str, list[float]]
"""Who sent it, in which organisation, and its vector."""


def _vectors(lines: Lines) -> Iterator[_Sent]:
    """Every honest request that a dialect can read."""
    store = MemoryStore(_SCOPES)
    for line in lines():
        route = resolve(line.method, line.route)
        if _is_hostile(line) or route is None:
            continue
        raw = bytes(line.request)
        try:
            call = dialects.get(route.dialect).read(bodies.decode(raw), route, len(raw))
        except CallError:
            continue
        ((known,),) = store.apply([(line.principal, (turns.QUERY,))], line.ts)
        fresh = turns.fresh(call.turns, known.data)
        store.apply([(line.principal, turns.enter(call.turns))], line.ts)
        facts = Facts(call, Principal(line.principal), Client(), line.ts, fresh)
        yield line.principal, line.org or line.principal, vector(facts)


def _means(sent: Iterable[_Sent], halves: dict[str, int]) -> tuple[dict[str, list[float]], dict[str, str]]:
    """The mean vector of the first half of each customer's requests, and the customers' organisations."""
    sums: dict[str, list[float]] = {}
    seen: Counter[str] = Counter()
    units: dict[str, str] = {}
    for who, unit, own in sent:
        if seen[who] < halves.get(who, 0):
            seen[who] += 1
            units[who] = unit
            held = sums.setdefault(who, [0.0] * len(own))
            for at, value in enumerate(own):
                held[at] += value
    return {who: [value / seen[who] for value in held] for who, held in sums.items()}, units


def _scales(rows: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    """Centre and spread of the customers, number by number."""
    columns = list(zip(*rows, strict=True))
    center = [sum(column) / len(column) for column in columns]
    spread = [
        math.sqrt(sum((value - middle) ** 2 for value in column) / len(column))
        for column, middle in zip(columns, center, strict=True)
    ]
    return center, [max(_FLOOR, value) for value in spread]


def _scaled(row: Sequence[float], center: Sequence[float], scale: Sequence[float]) -> list[float]:
    return [(value - middle) / unit for value, middle, unit in zip(row, center, scale, strict=True)]


def covering(rows: Sequence[Sequence[float]], most: int) -> list[int]:
    """Places of at most so many rows that leave none far from all (farthest first, Gonzalez 1985)."""
    chosen = [0]
    far = [math.dist(row, rows[0]) for row in rows]
    while len(chosen) < min(most, len(rows)):
        farthest = max(range(len(rows)), key=far.__getitem__)
        chosen.append(farthest)
        far = [min(old, math.dist(row, rows[farthest])) for old, row in zip(far, rows, strict=True)]
    return chosen


def _farthest(
    sent: Iterable[_Sent], halves: dict[str, int], bare: Reference, units: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """The largest distances of each customer's second half: from all, and from other organisations'."""
    store = MemoryStore(_SCOPES)
    seen: Counter[str] = Counter()
    found: dict[str, tuple[float, float]] = {}
    for who, unit, own in sent:
        seen[who] += 1
        if seen[who] <= halves.get(who, math.inf):
            continue
        row = bare.scaled(own)
        counted = Blocks("drift", WINDOW // 2, len(row) + 1, (*row, sum(map(mul, row, row))))
        ((reading,),) = store.apply([(who, [counted])], 0.0)
        n, *sums = array("f", reading.data)
        if n >= LEAST and not n % EVERY:
            *mean, square = (value / n for value in sums)
            others = [at for at, other in enumerate(units) if other != unit]
            now = (bare.distance(mean, square, n), bare.distance(mean, square, n, others))
            before = found.get(who, now)
            found[who] = (max(before[0], now[0]), max(before[1], now[1]))
    return found

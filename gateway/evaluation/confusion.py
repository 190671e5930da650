"""Two judgements of the same principals side by side: who stands where under each, and what changed.

The pairs are active and candidate, or enforced and shadow, or two bundles on one trace. The same principals
are in both, hence McNemar's exact test over those that changed, and not two separate intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.evaluation.cases import KINDS, Cases, Kind, View
from gateway.statistics import mcnemar

NONE = "none"


@dataclass(frozen=True, slots=True)
class Placed:
    """One principal's positions: index of its rung (or -1) before and after."""

    id: str
    kind: Kind
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Named:
    """A principal behind a cell."""

    id: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Moved:
    """One off-diagonal cell of the matrix."""

    before: str
    after: str
    principals: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """One rung: principals that are newly at it or above, and those released from it; by kind."""

    rung: str
    new: dict[Kind, int]
    released: dict[Kind, int]
    p: float
    """McNemar's exact two-sided p over all kinds."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """The matrix: `counts[i][j]` principals stand on row i before and on column j after."""

    before: str
    after: str
    rungs: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    moved: tuple[Moved, ...]
    shifts: tuple[Shift, ...]
    worse: dict[Kind, int]
    better: dict[Kind, int]
    benign_p: float
    """McNemar's exact two-sided p over the benign principals that moved."""

    @property
    def changed(self) -> int:
        """Principals that stand elsewhere."""
        return sum(self.worse.values()) + sum(self.better.values())


def confusion(before: str, after: str, rungs: Sequence[str], placed: Sequence[Placed]) -> Confusion:
    """The comparison of these positions; `rungs` from the lowest, `before` and `after` name the sides."""
    names = (NONE, *rungs)
    cells: dict[tuple[int, int], list[Named]] = {}
    for one in sorted(placed, key=lambda one: one.id):
        cells.setdefault((one.before + 1, one.after + 1), []).append(Named(one.id, one.kind))
    span = range(len(names))
    worse, better = _count(placed, 1), _count(placed, -1)
    return Confusion(
        before=before,
        after=after,
        rungs=names,
        counts=tuple(tuple(len(cells.get((row, column), ())) for column in span) for row in span),
        moved=tuple(
            Moved(names[row], names[column], tuple(cells[row, column]))
            for row, column in sorted(cells)
            if row != column
        ),
        shifts=tuple(_shift(rung, at, placed) for at, rung in enumerate(rungs)),
        worse=worse,
        better=better,
        benign_p=mcnemar(worse["benign"], better["benign"]),
    )


def _count(placed: Sequence[Placed], sign: int) -> dict[Kind, int]:
    return {
        kind: sum(one.kind == kind and (one.after - one.before) * sign > 0 for one in placed)
        for kind in KINDS
    }


def _shift(rung: str, at: int, placed: Sequence[Placed]) -> Shift:
    new = [one for one in placed if one.before < at <= one.after]
    released = [one for one in placed if one.after < at <= one.before]
    return Shift(
        rung=rung,
        new={kind: sum(one.kind == kind for one in new) for kind in KINDS},
        released={kind: sum(one.kind == kind for one in released) for kind in KINDS},
        p=mcnemar(len(new), len(released)),
    )


def of_tracks(cases: Cases, before: View, after: View) -> Confusion:
    """Two tracks of one set of records."""
    placed = [
        Placed(case.id, cases.kind(case), case.tracks[before].rung, case.tracks[after].rung)
        for case in cases.cases.values()
    ]
    return confusion(before, after, [rung.id for rung in cases.rungs], placed)


def of_bundles(active: Cases, candidate: Cases, track: View) -> Confusion:
    """Two replays of one trace. Rungs are matched by name, those of both sides in order of their `at`."""
    steps = {rung.id: rung.at for rung in (*candidate.rungs, *active.rungs)}
    names = sorted(steps, key=lambda name: (steps[name], name))
    if [rung.id for rung in active.rungs] == [rung.id for rung in candidate.rungs]:
        names = [rung.id for rung in active.rungs]

    def rank(cases: Cases, principal: str) -> int:
        case = cases.cases.get(principal)
        at = -1 if case is None else case.tracks[track].rung
        return -1 if at < 0 else names.index(cases.rungs[at].id)

    everybody = {**candidate.cases, **active.cases}
    placed = [
        Placed(name, active.kind(case), rank(active, name), rank(candidate, name))
        for name, case in everybody.items()
    ]
    return confusion("active", "candidate", names, placed)

"""Promises against what happened: each that does not hold becomes one short sentence.

A sentence says only what differs: what was promised stands in the file, at the place that goes with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gateway.policytests.checks import CLOSE
from gateway.policytests.schema import (
    NO_RUNG,
    ExpectDocument,
    FiredDocument,
    ReachesDocument,
    ResponseDocument,
)
from gateway.policytests.trail import UNRANKED, Moment, Trails, until
from gateway.words import spoken


class Expectations:
    """Checks promises over the trails of one case; `rungs` from the lowest, `groups` are names for `who`."""

    def __init__(self, trails: Trails, rungs: Sequence[str], groups: Mapping[str, Sequence[str]]) -> None:
        self._trails, self._rungs, self._groups = trails, rungs, groups

    def check(self, expect: ExpectDocument) -> list[str]:
        """What does not hold, in order of senders."""
        when = "" if expect.at is None else f"at {spoken(expect.at)}: "
        found: list[str] = []
        for name in self._who(expect):
            moments = until(self._trails.get(name, ()), expect.at)
            whose = f"{name}: " if len(self._trails) > 1 or name not in self._trails else ""
            said = self._check(expect, moments) if moments else iter(("no request by then",))
            found.extend(f"{when}{whose}{sentence}" for sentence in said)
        return found

    def _who(self, expect: ExpectDocument) -> list[str]:
        if expect.who is None:
            return list(self._trails)
        return [name for who in expect.who for name in self._groups.get(who, (who,))]

    def _check(self, expect: ExpectDocument, moments: Sequence[Moment]) -> Iterator[str]:
        last = moments[-1]
        if expect.rung is not None and expect.rung != self._rung(last.rank):
            yield f"rung is {self._rung(last.rank)}, not {expect.rung} (score {last.score:.1f})"
        if expect.score is not None and not expect.score.holds(last.score):
            yield f"score is {last.score:.1f}, not {expect.score}"
        for name, bounds in expect.fired.items():
            yield from _fired(name, bounds, moments)
        for name in expect.silent or ():
            yield from _silent(name, moments)
        yield from self._never(expect.never or (), moments)
        for rung, reach in expect.reaches.items():
            yield from self._reaches(rung, reach, moments)
        if expect.response is not None:
            yield from _response(expect.response, last)

    def _rung(self, rank: int) -> str:
        return NO_RUNG if rank == UNRANKED else self._rungs[rank]

    def _never(self, rungs: Sequence[str], moments: Sequence[Moment]) -> Iterator[str]:
        """The first step onto a rung that was ruled out; higher rungs include the lower ones."""
        ranks = [self._rungs.index(rung) for rung in rungs]
        for one in moments:
            if ranks and one.rank >= min(ranks):
                yield f"reached {self._rung(one.rank)} after {_after(one, moments)} ({_reasons(one)})"
                return

    def _reaches(self, rung: str, reach: ReachesDocument, moments: Sequence[Moment]) -> Iterator[str]:
        rank = self._rungs.index(rung)
        first = next((one for one in moments if one.rank >= rank), None)
        if first is None:
            best = max(moments, key=lambda one: one.score)
            yield f"never reached {rung} (best score {best.score:.1f}, {self._rung(best.rank)})"
            return
        after = first.ts - moments[0].ts
        if reach.within is not None and after > reach.within:
            yield f"reached {rung} after {spoken(after)}, not within {spoken(reach.within)}"
        if after < reach.not_before:
            yield f"reached {rung} after {spoken(after)}, before {spoken(reach.not_before)}"


def nothing_acted(moments: Sequence[Moment]) -> Iterator[str]:
    """What every case in shadow promises."""
    for one in moments:
        if one.applied or one.delay or one.code or one.enforced:
            what = ", ".join(one.applied) or one.code or "an enforced score"
            yield f"in shadow, and yet {what} acted after {_after(one, moments)}"
            return


def _fired(name: str, bounds: FiredDocument, moments: Sequence[Moment]) -> Iterator[str]:
    """Bounds are on the signal at its strongest; of equals, the latest."""
    seen = [one.signals[name] for one in moments if name in one.signals]
    if not seen:
        yield f"{name} did not fire"
        return
    best = max(reversed(seen), key=lambda score: score.points)
    for what in ("value", "n", "strength", "points"):
        check = getattr(bounds, what)
        number = float(getattr(best, what))
        if check is not None and not check.holds(number):
            yield f"{name} {what} is {number:g}, not {check}"


def _silent(name: str, moments: Sequence[Moment]) -> Iterator[str]:
    for one in moments:
        for signal, score in one.signals.items():
            if signal == name or (name in one.speaking and signal.startswith(f"{name}.")):
                yield f"{signal} fired after {_after(one, moments)}: {score.text} ({score.points:.1f} points)"
                return


def _response(wanted: ResponseDocument, last: Moment) -> Iterator[str]:
    if wanted.status is not None and wanted.status != last.status:
        yield f"response status is {last.status}, not {wanted.status}"
    if wanted.code is not None and wanted.code != last.code:
        yield f"response code is {last.code or 'none'}, not {wanted.code}"
    if wanted.delay is not None and not wanted.delay.holds(last.delay):
        yield f"response delay is {last.delay:g} s, not {wanted.delay}"
    for what, names in (("applied", last.applied), ("would", last.would)):
        missing = [name for name in getattr(wanted, what) if name not in names]
        if missing:
            yield f"response {what} is {', '.join(names) or 'nothing'}, without {', '.join(missing)}"


def _after(one: Moment, moments: Sequence[Moment]) -> str:
    return spoken(max(0.0, one.ts - moments[0].ts))


def _reasons(one: Moment) -> str:
    scores = sorted(one.signals.values(), key=lambda score: (-score.points, score.id))
    now = "; ".join(f"{score.id} {score.points:.1f}" for score in scores[:3] if score.points > CLOSE)
    return f"score {one.score:.1f}" + (f": {now}" if now else "")

"""Running cases: the traffic through a gateway, what came of it, and whether that keeps the promises.

Equal documents and policies give equal results: the clock is the traffic's, chance comes from seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gateway.errors import Place
from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.policies.compile import with_mode
from gateway.policytests.coverage import Coverage
from gateway.policytests.expect import Expectations, nothing_acted
from gateway.policytests.metamorphic import only, relations
from gateway.policytests.suites import Case, Start
from gateway.policytests.traffic import BEGIN, labels, senders, sent
from gateway.policytests.trail import UNRANKED, Moment, moment, rung_order

Verdict = Literal["ok", "fail", "gap", "fixed"]
"""`gap`: a known gap that still is one; `fixed`: one that is none any more, hence a failure."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One promise that was not kept."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case. `peaks`: (label or None, highest rank) of each sender, for the small table."""

    name: str
    place: Place
    verdict: Verdict
    requests: int
    failures: tuple[Failure, ...] = ()
    gap: str = ""
    peaks: Mapping[str, tuple[str | None, int]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the run may go on to succeed."""
        return self.verdict in ("ok", "gap")


def run_cases(
    cases: Iterable[Case],
    bundle: Bundle,
    start: Start,
    coverage: Coverage,
    *,
    metamorphic: bool = False,
    tick: Callable[[int], None] = lambda done: None,
) -> list[Result]:
    """All cases, each with a gateway of its own; what they touch goes to `coverage`."""
    results = []
    for case in cases:
        results.append(_run(case, bundle, start, coverage, metamorphic=metamorphic))
        tick(1)
    return results


def concerned(case: Case, bundle: Bundle) -> Bundle:
    """The bundle as the case sees it: only the policies that its document names, enforced or as they are."""
    chosen = case.suite.model.policies
    if chosen is not None:
        bundle = only(bundle, lambda policy: policy.id in chosen)
    return with_mode(bundle, Mode.ENFORCE) if case.enforces else bundle


def _run(case: Case, bundle: Bundle, start: Start, coverage: Coverage, *, metamorphic: bool) -> Result:
    seen = concerned(case, bundle)
    rungs = rung_order(seen)
    drive = start(seen, Mode.ENFORCE if case.enforces else Mode.SHADOW)
    trails: dict[str, list[Moment]] = {}
    truths = dict(labels(case))
    number = 0
    for number, one in enumerate(sent(case), 1):
        record = drive(one.line, number)
        coverage.add(record)
        trails.setdefault(record.principal, []).append(moment(record, BEGIN, rungs, enforces=case.enforces))
        if one.line.truth is not None:
            truths.setdefault(record.principal, one.line.truth)
    verdict, failures = _verdict(case, _failures(case, trails, rungs))
    # Relations hold whatever is promised, hence for a known gap as well.
    if metamorphic and (
        broken := [Failure(case.place("name"), said) for said in relations(case, seen, start)]
    ):
        verdict, failures = "fail", [*failures, *broken]
    peaks = {
        name: (truths.get(name), max((one.rank for one in moments), default=UNRANKED))
        for name, moments in trails.items()
    }
    gap = case.document.known_gap or ""
    return Result(case.name, case.place("name"), verdict, number, tuple(failures), gap, peaks)


def _failures(case: Case, trails: Mapping[str, Sequence[Moment]], rungs: Sequence[str]) -> list[Failure]:
    if not trails:
        return [Failure(case.place("traffic"), "no request was sent")]
    expectations = Expectations(trails, rungs, senders(case))
    failures = [
        Failure(case.place("expect", index), message)
        for index, expect in enumerate(case.document.expect)
        for message in expectations.check(expect)
    ]
    for moments in trails.values():
        trouble = next((one.trouble for one in moments if one.trouble), None)
        acted = [] if case.enforces else nothing_acted(moments)
        said = [*([trouble] if trouble else ()), *acted]
        failures += [Failure(case.place("name"), one) for one in said]
    return failures


def _verdict(case: Case, failures: list[Failure]) -> tuple[Verdict, list[Failure]]:
    if case.document.known_gap is None:
        return ("fail" if failures else "ok"), failures
    if failures:
        return "gap", []
    return "fixed", [Failure(case.place("known_gap"), "the gap is closed: drop known_gap")]

"""Smoke tests: the few cases that new policies must pass before they are put to use.

A case is one by its tag. Here is what a run of them comes to: failures, which keep policies from being
published, and cases that the time did not suffice for, which are told and keep nothing. Whoever calls says
when the time is up; nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.policytests.coverage import Coverage
from gateway.policytests.run import Failure, run_cases
from gateway.policytests.suites import Case, Drive, Start
from gateway.records import Record
from gateway.traffic import Line

SMOKE = "smoke"
"""The tag, on a case or on a whole document."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of the smoke tests: the promises that are not kept, and the cases that were not run."""

    failures: tuple[Failure, ...] = ()
    not_run: tuple[Case, ...] = ()


class _TimeIsUpError(Exception):
    """In the midst of a case, whose part tells nothing."""


def prove(cases: Iterable[Case], bundle: Bundle, start: Start, left: Callable[[], bool]) -> Proof:
    """The cases in order, as long as `left`, which is asked before each request, says that there is time.

    A known gap that is one no longer is for `gateway test` to complain of, and holds no policies back.
    """

    def hurried(policies: Bundle, ceiling: Mode) -> Drive:
        drive = start(policies, ceiling)

        def timed(line: Line, number: int) -> Record:
            if not left():
                raise _TimeIsUpError
            return drive(line, number)

        return timed

    # Nobody looks at the coverage here, and matching every pattern for it would cost more than the tests.
    coverage = Coverage(replace(bundle, patterns={}))
    failures: list[Failure] = []
    every = list(cases)
    for number, case in enumerate(every):
        try:
            (result,) = run_cases([case], bundle, hurried, coverage)
        except _TimeIsUpError:
            return Proof(tuple(failures), tuple(every[number:]))
        if result.verdict == "fail":
            failures += [
                replace(one, message=f"smoke test '{result.name}': {one.message}") for one in result.failures
            ]
    return Proof(tuple(failures))

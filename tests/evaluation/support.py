"""Decisions and cases for the tests of reports, written down by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.evaluation.cases import Cases, Label
from gateway.evaluation.entries import Entry, Forgiven, Mark, PolicyMark, Stand
from gateway.model import Usage
from gateway.policies.bundle import Bundle
from tests.support import bundle, policy

RUNGS = ("watch", "narrow", "throttle", "perturb", "refuse")
SIGNALS = """
signals:
  one: {count: {of: requests, over: 1h}, ramp: [0, 10], points: 50}
  two: {count: {of: requests, over: 2h}, ramp: [0, 10], points: 30}
"""


def policies() -> Bundle:
    """Two policies of two signals each, the first cut at 60, under the ladder of the tests."""
    return bundle(policy(SIGNALS, id="a", cap=60), policy(SIGNALS, id="b", mode="shadow"))


def entry(who: str = "p", ts: float = 0.0, score: float = 0.0, rung: str | None = None, **more: Any) -> Entry:
    """One decision; `marks` are points by signal, `peaks` by policy, `tokens` those of the answer."""
    marks = more.pop("marks", {})
    peaks = more.pop("peaks", {name.partition(".")[0]: points for name, points in marks.items()})
    tokens = more.pop("tokens", 0)
    enforced = more.pop("enforced", Stand())
    forgiven = more.pop("forgiven", {})
    return Entry(
        ts=ts,
        id=f"{who}-{ts}",
        principal=who,
        enforced=enforced,
        shadow=Stand(score, rung),
        signals=tuple(Mark(name, 1.0, points, "why") for name, points in marks.items()),
        policies=tuple(PolicyMark(name, 0.0, points) for name, points in peaks.items()),
        exemptions=tuple(Forgiven(name, points) for name, points in forgiven.items()),
        usage=Usage(10, tokens) if tokens else None,
        **more,
    )


def cases(
    *found: Entry, labels: dict[str, str] | None = None, under: Bundle | None = None, **options: Any
) -> Cases:
    """The cases of these decisions."""
    made = Cases(under or policies(), **options)
    for one in found:
        made.add(one)
    made.label({name: Label(text) for name, text in (labels or {}).items()})
    return made


def crowd(kind: str, count: int, **more: Any) -> Iterable[Entry]:
    """One decision of each of so many principals, named after `kind`."""
    return (entry(f"{kind}{at:04}", **more) for at in range(count))


def known(*kinds: str, count: int = 1000) -> dict[str, str]:
    """Labels for crowds: every principal is what its name says before a dash."""
    return {f"{kind}{at:04}": kind.partition("-")[0] for kind in kinds for at in range(count)}

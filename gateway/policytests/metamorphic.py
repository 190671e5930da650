"""Relations that hold whatever a case promises: doubling never lowers, splitting and exempting never raise.

All are checked at every request, on the shadow score with nothing acting, because a refused request costs no
tokens and so would lower what it caused. `doubled`: every stream twice as fast and as many. `exempted`: with
the bundle's own exemptions and, because there may be none, with some laid over that soften everything.
`split`: each stream dealt in turn to two principals, so that both halves are the same mixture; they share
their organisation, and policies keyed by more than a principal are left out.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import msgspec

from gateway.conditions import compile_condition
from gateway.model import Mode
from gateway.policies.bundle import Bundle, Effect, Exemption, Policy
from gateway.policytests.checks import CLOSE
from gateway.policytests.suites import Case, Start
from gateway.policytests.traffic import BEGIN, Sent, sent
from gateway.traffic import Line
from gateway.words import spoken

_Trails: TypeAlias = Mapping[str, Sequence[tuple[float, float]]]
"""(seconds since the epoch, score) of each request by sender, in order of time."""
_HALVES = ("/1", "/2")
SLACK = 3.0
"""Points by which chance may differ: one hit more or less of the 40 that ratios ask for is about 1 point, of
the 15 prompts that a profile asks for 2 to 3."""
_FOR_A_WHILE = 20.0
"""The score above which an exemption that is laid over ends, so that its end is tried too."""


def relations(case: Case, bundle: Bundle, start: Start) -> Iterator[str]:
    """What does not hold, one sentence each."""

    def trails(policies: Bundle, lines: Iterable[Line]) -> _Trails:
        drive = start(policies, Mode.SHADOW)
        found: dict[str, list[tuple[float, float]]] = {}
        for number, line in enumerate(lines, 1):
            record = drive(line, number)
            found.setdefault(record.principal, []).append((record.ts, record.shadow.score))
        return found

    once = trails(bundle, _lines(case))
    for name, at, before, after in _above(once, trails(bundle, _lines(case, rate=2)), SLACK):
        yield f"doubled traffic lowers {name}'s score {_change(at, before, after)}"
    bare = once
    if bundle.exemptions:
        bare = trails(replace(bundle, exemptions=()), _lines(case))
        for name, at, after, before in _above(once, bare, CLOSE):
            yield f"its exemptions raise {name}'s score {_change(at, before, after)}"
    for name, at, after, before in _above(trails(softened(bundle), _lines(case)), bare, CLOSE):
        yield f"exempting everything raises {name}'s score {_change(at, before, after)}"
    own = only(bundle, lambda policy: policy.key == "principal")
    whole = once if own == bundle else trails(own, _lines(case))
    halves = trails(own, _dealt(sent(case)))
    both = {half: whole[half[: -len(_HALVES[0])]] for half in halves}
    for name, at, after, before in _above(halves, both, SLACK):
        yield f"split traffic raises {name}'s score {_change(at, before, after)}"


def _lines(case: Case, *, rate: int = 1) -> Iterator[Line]:
    return (one.line for one in sent(case, rate=rate))


def softened(bundle: Bundle) -> Bundle:
    """The bundle under exemptions for everybody: one moves every ramp, one skips all signals for a while."""
    signals = frozenset(f"{policy.id}.{signal.id}" for policy in bundle.policies for signal in policy.signals)
    anybody = compile_condition({"request.bytes": {"gte": 0}}, {})
    laid_over = tuple(
        Exemption(name, anybody, signals, effect, until, math.inf, "a relation is tried", "nobody")
        for name, effect, until in (
            ("moved", Effect(ramp=2.0), math.inf),
            ("skipped", Effect(points=0.0), _FOR_A_WHILE),
        )
    )
    return replace(bundle, exemptions=laid_over)


def only(bundle: Bundle, wanted: Callable[[Policy], bool]) -> Bundle:
    """The bundle with some of its policies, for everybody."""

    def some(policies: Iterable[Policy]) -> tuple[Policy, ...]:
        return tuple(policy for policy in policies if wanted(policy))

    tenants = tuple(replace(tenant, policies=some(tenant.policies)) for tenant in bundle.tenants)
    return replace(bundle, policies=some(bundle.policies), tenants=tenants)


def _above(lower: _Trails, higher: _Trails, slack: float) -> Iterator[tuple[str, float, float, float]]:
    """(sender, seconds, score, the other's score) where one that should not be higher is so the most."""
    for name, moments in lower.items():
        times = [ts for ts, _ in higher[name]]
        worst = (slack, 0.0, 0.0, 0.0)
        for ts, score in moments:
            _, other = higher[name][max(0, bisect_right(times, ts) - 1)]
            worst = max(worst, (score - other, ts - BEGIN, score, other))
        if worst[0] > slack:
            yield name, *worst[1:]


def _change(at: float, before: float, after: float) -> str:
    return f"after {spoken(at)} from {before:.1f} to {after:.1f}"


def _dealt(lines: Iterable[Sent]) -> Iterator[Line]:
    turn: Counter[tuple[int, int]] = Counter()
    for line, stream in lines:
        yield msgspec.structs.replace(line, principal=line.principal + _HALVES[turn[stream] % 2])
        turn[stream] += 1

"""Relations that hold whatever a case promises: doubling never lowers, splitting and exempting never raise.

All are checked on the shadow score with nothing acting, because a refused request costs no tokens and so
would lower what it caused. `doubled`: every stream twice as fast and as many. `split`: each stream dealt
in turn to two principals, so that both halves are the same mixture; they share their organisation, and
policies keyed by more than a principal are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import msgspec

from gateway.model import Mode
from gateway.policies.bundle import Bundle, Policy
from gateway.policytests.checks import CLOSE
from gateway.policytests.suites import Case, Drive, Start
from gateway.policytests.traffic import Sent, sent
from gateway.traffic import Line

SLACK = 2.0
"""Points by which chance may differ: one hit more or less of the 40 that ratios ask for is about 1 point."""


def relations(case: Case, bundle: Bundle, start: Start) -> Iterator[str]:
    """What does not hold, one sentence each."""
    once = _peaks(start(bundle, Mode.SHADOW), (one.line for one in sent(case)))
    yield from _doubled(once, _peaks(start(bundle, Mode.SHADOW), (one.line for one in sent(case, rate=2))))
    if bundle.exemptions:
        bare = replace(bundle, exemptions=())
        yield from _exempted(once, _peaks(start(bare, Mode.SHADOW), (one.line for one in sent(case))))
    own = only(bundle, lambda policy: policy.key == "principal")
    whole = _peaks(start(own, Mode.SHADOW), (one.line for one in sent(case)))
    yield from _split(whole, _peaks(start(own, Mode.SHADOW), _dealt(sent(case))))


def only(bundle: Bundle, wanted: Callable[[Policy], bool]) -> Bundle:
    """The bundle with some of its policies, for everybody."""

    def some(policies: Iterable[Policy]) -> tuple[Policy, ...]:
        return tuple(policy for policy in policies if wanted(policy))

    tenants = tuple(replace(tenant, policies=some(tenant.policies)) for tenant in bundle.tenants)
    return replace(bundle, policies=some(bundle.policies), tenants=tenants)


def _exempted(softened: Mapping[str, float], bare: Mapping[str, float]) -> Iterator[str]:
    for name, score in softened.items():
        if score > bare[name] + CLOSE:
            yield f"exemptions raise {name}'s highest score from {bare[name]:.1f} to {score:.1f}"


def _doubled(once: Mapping[str, float], twice: Mapping[str, float]) -> Iterator[str]:
    for name, score in once.items():
        if twice[name] < score - SLACK:
            yield f"doubled traffic lowers {name}'s highest score from {score:.1f} to {twice[name]:.1f}"


def _split(whole: Mapping[str, float], halves: Mapping[str, float]) -> Iterator[str]:
    for name, score in halves.items():
        before = whole[name.removesuffix("/1").removesuffix("/2")]
        if score > before + SLACK:
            yield f"split traffic raises {name}'s highest score from {before:.1f} to {score:.1f}"


def _dealt(lines: Iterable[Sent]) -> Iterator[Line]:
    turn: Counter[tuple[int, int]] = Counter()
    for line, stream in lines:
        yield msgspec.structs.replace(line, principal=f"{line.principal}/{1 + turn[stream] % 2}")
        turn[stream] += 1


def _peaks(drive: Drive, lines: Iterable[Line]) -> dict[str, float]:
    peaks: dict[str, float] = {}
    for number, line in enumerate(lines, 1):
        record = drive(line, number)
        peaks[record.principal] = max(peaks.get(record.principal, 0.0), record.shadow.score)
    return peaks

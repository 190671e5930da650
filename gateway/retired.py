"""Counters that no policy asks for any more: kept for one more window, so that a rollback finds them full.

Without this the state of each principal would grow with every changed window or condition, for as long as the
process runs. Pure: when a bundle is published, and what forgets the counters, is the business of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.model import Op
from gateway.policies.asked import asks_kind
from gateway.policies.bundle import Bundle
from gateway.signals.kind import OF_ALL

UNBOUNDED = 86400.0
"""Seconds for which memories without a window (a profile, the last prompts) are kept."""


def windows(*bundles: Bundle | None) -> dict[str, float]:
    """The counters that these bundles keep, each with its window (or half-life) in seconds."""
    found: dict[str, float] = {}
    for bundle in bundles:
        for op in _reads(bundle) if bundle is not None else ():
            found[op.key] = float(getattr(op, "over", getattr(op, "half_life", UNBOUNDED)))
    return found


def _reads(bundle: Bundle) -> Iterator[Op]:
    for policies in (bundle.policies, *(tenant.policies for tenant in bundle.tenants)):
        for policy in policies:
            for signal in policy.signals:
                yield from signal.detector.reads
    if asks_kind(bundle):
        yield from OF_ALL.reads


class Retired:
    """Remembers until when each counter that fell out of use is kept."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def follow(self, before: Mapping[str, float], after: Mapping[str, float], now: float) -> frozenset[str]:
        """Counters to forget, as `after` follows `before` in use (see `windows`) at `now`."""
        fallen = {key: now + over for key, over in before.items() if key not in after}
        kept = {key: until for key, until in (self._until | fallen).items() if key not in after}
        due = frozenset(key for key, until in kept.items() if until <= now)
        self._until = {key: until for key, until in kept.items() if key not in due}
        return due

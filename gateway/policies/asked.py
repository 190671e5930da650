"""What policies ask of a call: the fields that they read, and whether one of those needs state of its own.

Here is no reading and no counting, only what follows from the compiled policies; `gateway.planner` gives the
state its place, and `gateway.retired` keeps it as long as somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.model import Mode
from gateway.policies.bundle import Bundle, Exemption, Policy
from gateway.signals.kind import FIELD


def fields(policies: Iterable[Policy], exemptions: Iterable[Exemption]) -> frozenset[str]:
    """Names of the fields that conditions and detectors read, but for those of what is disabled."""
    found: set[str] = set()
    for policy in policies:
        if policy.mode is not Mode.DISABLED:
            found |= policy.match.fields if policy.match else frozenset()
            for signal in policy.signals:
                found |= signal.detector.fields if signal.mode is not Mode.DISABLED else frozenset()
    return frozenset(found.union(*(exemption.match.fields for exemption in exemptions)))


def asks_kind(bundle: Bundle) -> bool:
    """Whether a condition of the bundle, of any tenant's too, reads the kind of the principal."""
    everybody = (bundle.policies, *(tenant.policies for tenant in bundle.tenants))
    return any(FIELD in fields(policies, bundle.exemptions) for policies in everybody)

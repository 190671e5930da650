"""Lints of a whole bundle: whether points and rungs come together, for everybody and for each tenant.

What one document shows alone stands in `gateway.authoring.lint`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.authoring.findings import Finding
from gateway.authoring.known import Known
from gateway.model import Mode
from gateway.policies.bundle import Bundle, Ladder, Policy, Rung, Tenant
from gateway.score import CORROBORATES, combined
from gateway.strict_yaml import Path


@dataclass(frozen=True, slots=True)
class _Scene:
    """Policies in front of a ladder; `whom` ends a message: for whom that holds if not for everybody."""

    policies: Sequence[Policy]
    """Those that are evaluated."""
    most: Mapping[str, float]
    """The points that each can give at most."""
    ladder: Ladder
    whom: str = ""


def reach(known: Sequence[Known], bundle: Bundle) -> Iterator[Finding]:
    """Rungs that nobody can reach, corroboration that nobody can give, policies that reach no rung."""
    documents = {(one.model.kind, one.model.id): one for one in known}
    common = _scene(bundle.policies, bundle.ladder)
    yield from _unreached(documents["ladder", bundle.ladder.id], common)
    for policy in _too_low(common):
        yield documents["policy", policy.id].say(("cap",), _low(common, policy))
    for tenant in bundle.tenants:
        if tenant.ladder.id != bundle.ladder.id and tenant.ceiling is not Mode.DISABLED:
            yield from _of_tenant(documents, tenant)


def _of_tenant(documents: Mapping[tuple[str, str], Known], tenant: Tenant) -> Iterator[Finding]:
    """The same of a tenant's own ladder, before which its own numbers count."""
    scene = _scene(tenant.policies, tenant.ladder, f" for tenant '{tenant.id}'")
    yield from _unreached(documents["ladder", tenant.ladder.id], scene)
    for policy in _too_low(scene):
        yield documents["tenant", tenant.id].say(("ladder",), f"{policy.id} gives {_low(scene, policy)}")


def _scene(policies: Sequence[Policy], ladder: Ladder, whom: str = "") -> _Scene:
    live = [policy for policy in policies if policy.mode is not Mode.DISABLED]
    return _Scene(live, {policy.id: _most(policy) for policy in live}, ladder, whom)


def _most(policy: Policy) -> float:
    """The points that a policy can give at most."""
    points = [signal.points for signal in policy.signals if signal.mode is not Mode.DISABLED]
    return combined(policy, points)


def _unreached(ladder: Known, scene: _Scene) -> Iterator[Finding]:
    total = sum(scene.most.values())
    for rung in _too_high(scene, total):
        message = f"no policies reach {rung.at:g}{scene.whom}: all together give {total:g} points at most"
        yield ladder.say(_of_rung(rung, "at"), message)
    able = sum(points >= CORROBORATES for points in scene.most.values())
    for rung in scene.ladder.rungs:
        if (asked := rung.requires.policies) > able:
            message = (
                f"asks for {asked} policies, but only {able} can give {CORROBORATES:g} points{scene.whom}"
            )
            yield ladder.say(_of_rung(rung, "requires", "policies"), message)


def _of_rung(rung: Rung, *inside: str) -> Path:
    return ("rungs", rung.id, *inside)


def _too_high(scene: _Scene, total: float) -> Iterator[Rung]:
    """Rungs above what all policies give, unless a floor lifts there or higher."""
    floors = {signal.floor for policy in scene.policies for signal in policy.signals}
    for index, rung in enumerate(scene.ladder.rungs):
        if rung.at > total and floors.isdisjoint(above.id for above in scene.ladder.rungs[index:]):
            yield rung


def _too_low(scene: _Scene) -> Iterator[Policy]:
    """Policies that alone reach no rung, neither by points nor by a floor."""
    for policy in scene.policies:
        lifts = any(signal.floor for signal in policy.signals)
        if 0 < scene.most[policy.id] < scene.ladder.rungs[0].at and not lifts:
            yield policy


def _low(scene: _Scene, policy: Policy) -> str:
    first = scene.ladder.rungs[0]
    return (
        f"{scene.most[policy.id]:g} points at most, below the first rung '{first.id}' ({first.at:g}): "
        "nothing happens unless another policy speaks too"
    )

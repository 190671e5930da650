"""Compiled bundles made from compiled bundles: the same change to every policy, the tenants' variants too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from gateway.model import Mode
from gateway.policies.bundle import Bundle, Policy


def each_policy(bundle: Bundle, change: Callable[[Policy], Policy]) -> Bundle:
    """The same bundle with every policy changed."""
    tenants = tuple(
        replace(tenant, policies=tuple(map(change, tenant.policies))) for tenant in bundle.tenants
    )
    return replace(bundle, policies=tuple(map(change, bundle.policies)), tenants=tenants)


def windowed(bundle: Bundle) -> Bundle:
    """The bundle with those signals only that can be read from the store, and for whatever call.

    A counter holds only calls that its policy's `match` let through, so `match` need not be asked again.
    """

    def change(policy: Policy) -> Policy:
        signals = tuple(signal for signal in policy.signals if signal.detector.reads)
        return replace(policy, match=None, signals=signals)

    return each_policy(bundle, change)


def enforced(bundle: Bundle) -> frozenset[str]:
    """The ids of the policies that may act on somebody."""
    every = [*bundle.policies, *(policy for tenant in bundle.tenants for policy in tenant.policies)]
    return frozenset(policy.id for policy in every if policy.mode is Mode.ENFORCE)


def with_epochs(bundle: Bundle, epochs: Mapping[str, str]) -> Bundle:
    """The bundle with peaks of its own for each policy that `epochs` names by its id."""
    return each_policy(bundle, lambda policy: replace(policy, epoch=epochs.get(policy.id, "")))


def next_epochs(
    epochs: Mapping[str, str], ever: Collection[str], before: Bundle, after: Bundle
) -> dict[str, str]:
    """The epochs to use when `after` follows `before`; `ever` are the policies that were ever enforced.

    A policy that is enforced anew must not act on what it found when it was enforced the last time: its
    peaks begin at zero, under the hash of the bundle that enforces it anew. Unless it says `carry`.
    """
    carried = {policy.id for policy in after.policies if policy.carry}
    anew = (enforced(after) - enforced(before)) & set(ever) - carried
    return {**epochs, **dict.fromkeys(anew, after.hash)}

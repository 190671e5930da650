"""Which responses of a bundle may act at all: some are off unless the settings name them.

They change what innocent people may read, so a policy file alone, which many may write, must not turn
them on. What is not permitted is taken off every rung, on both tracks; the rungs stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from gateway.policies.bundle import Bundle, Ladder, Rung


def permitted(bundle: Bundle, allowed: Collection[str] | None) -> Bundle:
    """The bundle without the actions that need leave and have none; itself with None or nothing to remove."""
    if allowed is None or not any(name not in allowed for name, _, _ in wanting(bundle)):
        return bundle
    tenants = (replace(tenant, ladder=_permitted(tenant.ladder, allowed)) for tenant in bundle.tenants)
    return replace(bundle, ladder=_permitted(bundle.ladder, allowed), tenants=tuple(tenants))


def wanting(bundle: Bundle) -> Iterator[tuple[str, str, str]]:
    """(action, ladder, rung) of every action that needs leave."""
    ladders = {bundle.ladder.id: bundle.ladder} | {
        tenant.ladder.id: tenant.ladder for tenant in bundle.tenants
    }
    for ladder in ladders.values():
        for rung in ladder.rungs:
            yield from ((name, ladder.id, rung.id) for name, action in rung.actions.items() if action.opt_in)


def _permitted(ladder: Ladder, allowed: Collection[str]) -> Ladder:
    return replace(ladder, rungs=tuple(_rung(rung, allowed) for rung in ladder.rungs))


def _rung(rung: Rung, allowed: Collection[str]) -> Rung:
    actions = {name: action for name, action in rung.actions.items() if not action.opt_in or name in allowed}
    return replace(rung, actions=actions)

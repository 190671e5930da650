"""From settings to a gate and to what swaps it: policies, state and identity of one process.

Shared by the live drivers, who hand in how policies are read, because reading them with their own tests
takes a driver.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from gateway.budget import Budget
from gateway.config import Config
from gateway.exchange import Gate
from gateway.guard import Guard
from gateway.identity import Identifier, mark_key
from gateway.keeper import Keeper
from gateway.mapping import load_mapping
from gateway.metrics import Metrics
from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.policies.changes import permitted
from gateway.reload import Reloader, begin
from gateway.roll import Roll
from gateway.secret import identity_secret
from gateway.source import Source
from gateway.stores.memory import MemoryStore


def assemble(config: Config, bundle: Bundle, candidate: Bundle | None = None) -> Gate:
    """The gate of one process; `candidate` is a second bundle that is asked as well. Raises ConfigError."""
    identity, show, budget = config.identity, config.server.show_bundle, config.policies.budget
    secret, allowed = identity_secret(identity), frozenset(config.policies.allow_actions)
    return Gate(
        permitted(bundle, allowed),
        config.policies.mode,
        MemoryStore(config.store.max_principals),
        Identifier(identity, secret, load_mapping(identity.mapping)),
        fail_closed=config.policies.on_error == "refuse",
        max_body=config.server.max_body,
        badge=show == "always" or (show == "enforce" and config.policies.mode is Mode.ENFORCE),
        # Processor time: that the machine is busy with others is no reason to skip anything.
        budget=None if budget is None else Budget(budget, time.thread_time),
        candidate=candidate and permitted(candidate, allowed),
        keys=(lambda principal: mark_key(principal.id, secret)) if allowed else None,
    )


def reloader_of(
    config: Config,
    metrics: Metrics,
    load: Callable[[Path], Bundle],
    files: Callable[[Path], Iterable[Path]],
) -> Reloader:
    """The policies and all that goes with them, read for the first time. Raises ConfigError.

    `load` reads a policy directory; `files` are those on which it depends what it gives.
    """
    policies = config.policies

    def allowed(path: Path) -> Bundle:
        return permitted(load(path), policies.allow_actions)

    source = Source(policies.path, allowed, files=files, candidate=policies.candidate)
    keeper = Keeper(config.identity.state_dir / "bundles")
    found = begin(source, keeper, last_known_good=policies.last_known_good)
    assert found.bundle is not None
    gate = assemble(config, found.bundle, found.candidate)
    guard = None
    if policies.guard is not None:
        roll = Roll(gate.identify, time.time)
        gate = replace(gate, identify=roll)
        guard = Guard(policies.guard, roll.since, time.time)
    return Reloader(gate, found, source, keeper, metrics, clock=time.time, guard=guard)

"""From settings to a gate and to what swaps it: policies, state and identity of one process.

Shared by the live drivers, who hand in how policies are read, because reading them with their own tests
takes a driver.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

from gateway.budget import Budget
from gateway.config import Config
from gateway.gate import Gate
from gateway.guard import Guard
from gateway.identity import Identifier
from gateway.keeper import Keeper
from gateway.mapping import load_mapping
from gateway.marks.keyring import UNKEYED
from gateway.metrics import Metrics
from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.policies.leave import wanting
from gateway.reload import Reloader, begin
from gateway.ring import FILE, kept_ring
from gateway.roll import Roll
from gateway.secret import identity_secret
from gateway.source import Source
from gateway.stores.memory import MemoryStore

_log = logging.getLogger("gateway.assemble")


def assemble(config: Config, bundle: Bundle, candidate: Bundle | None = None) -> Gate:
    """The gate of one process; `candidate` is a second bundle that is asked as well. Raises ConfigError."""
    identity, show, budget = config.identity, config.server.show_bundle, config.policies.budget
    allowed = frozenset(config.policies.allow_actions)
    _tell(bundle, allowed)
    return Gate(
        bundle,
        config.policies.mode,
        MemoryStore(config.store.max_principals),
        Identifier(identity, identity_secret(identity), load_mapping(identity.mapping)),
        fail_closed=config.policies.on_error == "refuse",
        max_body=config.server.max_body,
        badge=show == "always" or (show == "enforce" and config.policies.mode is Mode.ENFORCE),
        # Processor time: that the machine is busy with others is no reason to skip anything.
        budget=None if budget is None else Budget(budget, time.thread_time),
        candidate=candidate,
        allowed=allowed,
        # Without leave nothing is marked, and no file is made.
        ring=kept_ring(config.marks.key_ring or identity.state_dir / FILE) if allowed else UNKEYED,
    )


def _tell(bundle: Bundle, allowed: Collection[str]) -> None:
    for action, ladder, rung in wanting(bundle):
        if action not in allowed:
            _log.warning(
                "%s on rung %s of ladder %s is off: policies.allow_actions does not name it",
                action, rung, ladder,
            )  # fmt: skip


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
    source = Source(policies.path, load, files=files, candidate=policies.candidate)
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

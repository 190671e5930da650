"""From settings to a gate: policies, state and identity of one process; shared by the live drivers."""

from __future__ import annotations

from gateway.config import Config
from gateway.exchange import Gate
from gateway.identity import Identifier
from gateway.mapping import load_mapping
from gateway.policies.bundle import Bundle
from gateway.secret import identity_secret
from gateway.stores.memory import MemoryStore


def assemble(config: Config, bundle: Bundle, candidate: Bundle | None = None) -> Gate:
    """The gate of one process; `candidate` is a second bundle that is asked as well. Raises ConfigError."""
    identity = config.identity
    return Gate(
        bundle,
        config.policies.mode,
        MemoryStore(config.store.max_principals),
        Identifier(identity, identity_secret(identity), load_mapping(identity.mapping)),
        fail_closed=config.policies.on_error == "refuse",
        max_body=config.server.max_body,
        candidate=candidate,
    )

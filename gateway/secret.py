"""The secret under which identities are hashed: from the settings, or kept in a file of its own.

I/O lives here so that `gateway.identity` needs none. The secret must outlive restarts and be equal in
all workers that share a state directory: otherwise every principal would begin anew.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from gateway.config import IdentityConfig
from gateway.errors import ConfigError, Place

FILE = "identity.secret"
"""Name of the file inside `identity.state_dir`."""

SIZE = 32
"""Bytes of a secret, as of a 256-bit key."""


def identity_secret(config: IdentityConfig) -> bytes:
    """SIZE bytes, from `secret`/`secret_file`, else from the state directory. Raises ConfigError."""
    if config.secret is not None:
        # Any length of text to the length of a key (blake2b takes keys up to 64 bytes).
        return hashlib.blake2b(config.secret.get_secret_value().encode(), digest_size=SIZE).digest()
    path = config.state_dir / FILE
    try:
        return _kept(path)
    except OSError as error:
        message = f"cannot be kept here: {error.strerror}; set identity.secret or identity.state_dir"
        raise ConfigError.at(Place(str(path)), message) from None


def made_secret(path: Path) -> bytes | None:
    """The secret in a copy of FILE, whatever it is called; None where people wrote a text, or nothing is."""
    try:
        secret = path.read_bytes()
        secret.decode()
    except OSError:
        return None
    except UnicodeDecodeError:
        return secret if len(secret) == SIZE else None
    return None


def _kept(path: Path) -> bytes:
    """The secret in the file, which is created if need be; of several creators at once one wins."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _create(path)
    secret = path.read_bytes()
    if len(secret) != SIZE:
        message = f"holds {len(secret)} bytes, not {SIZE}; remove it to begin with a new secret"
        raise ConfigError.at(Place(str(path)), message)
    return secret


def _create(path: Path) -> None:
    # A link appears whole or not at all, and fails if another process was first; opening the file
    # itself would show others an empty one for a moment.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SIZE))
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()

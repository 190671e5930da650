"""The key ring in its file: JSON that only its owner can read, made once, one more epoch with each rotation.

I/O lives here so that `gateway.marks` needs none. Whoever has the file can find every mark, and forge one:
it is kept like the secret of `gateway.secret`, and no message repeats anything of it but ids and times.
The file outlives everything: without an epoch's secret nothing that was marked under it is found again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.errors import ConfigError, Place
from gateway.marks.keyring import SECRET, Epoch, KeyRing

FILE = "marks.json"
"""Name of the file inside `identity.state_dir`."""


class _Epoch(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    begins: float
    secret: str


class _Ring(msgspec.Struct, forbid_unknown_fields=True):
    epochs: list[_Epoch]


def kept_ring(path: Path) -> KeyRing:
    """The ring in the file, which is made with one epoch if there is none. Raises ConfigError."""
    if not path.exists():
        _publish(path, _Ring([_fresh("1", 0.0)]), os.link)
    return read_ring(path)


def read_ring(path: Path) -> KeyRing:
    """The ring in the file. Raises ConfigError."""
    return _checked(path, _read(path))


def rotate(path: Path, begins: float) -> KeyRing:
    """The ring with one more epoch from `begins` on (seconds), as it now stands in the file.

    Raises ConfigError, also where an epoch begins as late or later.
    """
    ring = _read(path)
    last = _checked(path, ring).epochs[-1]
    if begins <= last.begins:
        raise ConfigError.at(Place(str(path)), f"epoch {last.id} begins as late or later")
    ring.epochs.append(_fresh(str(len(ring.epochs) + 1), begins))
    _publish(path, ring, os.replace)
    return _checked(path, ring)


def _fresh(name: str, begins: float) -> _Epoch:
    return _Epoch(name, begins, secrets.token_hex(SECRET))


def _read(path: Path) -> _Ring:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Ring)
    except OSError as error:
        raise ConfigError.at(Place(str(path)), f"cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        # What msgspec says names keys and types, never values.
        raise ConfigError.at(Place(str(path)), f"not a key ring: {error}") from None


def _checked(path: Path, ring: _Ring) -> KeyRing:
    try:
        epochs = [Epoch(one.id, one.begins, bytes.fromhex(one.secret)) for one in ring.epochs]
    except ValueError:
        raise ConfigError.at(Place(str(path)), "not a key ring: a secret is not hexadecimal") from None
    for epoch in epochs:
        if len(epoch.secret) != SECRET:
            message = f"not a key ring: the secret of epoch {epoch.id} has not {SECRET} bytes"
            raise ConfigError.at(Place(str(path)), message)
    try:
        return KeyRing(epochs)
    except ValueError as error:
        raise ConfigError.at(Place(str(path)), f"not a key ring: {error}") from None


def _publish(path: Path, ring: _Ring, move: Callable[[Path, Path], None]) -> None:
    """Write the file so that others see it whole or not at all; of two that make it at once one wins."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(ring), indent=2) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            move(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError.at(Place(str(path)), f"cannot be written: {error.strerror}") from None

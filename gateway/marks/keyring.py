"""The secrets that answers are marked under, by epochs, and the key of each principal or organisation.

Pure: which file a ring is kept in is the business of `gateway.ring`. A secret makes every key of its epoch,
so a key is never stored, and whoever has the ring can find every mark. Rotation adds an epoch: what was
given out before is still found under the older ones. No key and no secret shows in a `repr`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.model import Principal

SECRET = 32
"""Bytes of an epoch's secret, as of a 256-bit key."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """A secret, and since when answers are marked under it (seconds since the epoch of Unix)."""

    id: str
    begins: float
    secret: bytes = field(repr=False)

    def key(self, name: str) -> bytes:
        """The 32-byte key of one name: a principal's id, or `org:` and an organisation."""
        return hashlib.blake2b(name.encode(), digest_size=32, key=self.secret, person=b"mark").digest()


class KeyRing:
    """The epochs, from the first to the last."""

    def __init__(self, epochs: Iterable[Epoch]) -> None:
        """Raises ValueError without an epoch, and for two of one id or of one moment."""
        self.epochs = tuple(sorted(epochs, key=lambda epoch: epoch.begins))
        if not self.epochs:
            raise ValueError("a key ring has at least one epoch")
        for kind, held in (
            ("id", {epoch.id for epoch in self.epochs}),
            ("moment", {epoch.begins for epoch in self.epochs}),
        ):
            if len(held) < len(self.epochs):
                raise ValueError(f"two epochs of one {kind}")

    def at(self, now: float) -> Epoch:
        """The epoch that answers are marked under now: the last that has begun, else the first."""
        begun = [epoch for epoch in self.epochs if epoch.begins <= now]
        return begun[-1] if begun else self.epochs[0]

    def keys(self, names: Iterable[str]) -> Iterator[tuple[Epoch, str, bytes]]:
        """The key of each name in each epoch."""
        for name in names:
            for epoch in self.epochs:
                yield epoch, name, epoch.key(name)


UNKEYED = KeyRing([Epoch("unkeyed", 0.0, bytes(SECRET))])
"""For drivers that send nothing to anybody (replay, tests of policies); its keys are no secret."""


def name_of(principal: Principal, *, whole_org: bool) -> str:
    """Whose mark an answer carries: the principal's, or its organisation's where it has one."""
    return f"org:{principal.org}" if whole_org and principal.org is not None else principal.id

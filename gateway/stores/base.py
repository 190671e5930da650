"""The one interface of a state store: operations in, readings out, one round trip.

`apply` is synchronous on purpose: replicas keep local state and exchange mergeable summaries in the
background, so no request ever waits for the network (docs/decisions/0002).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.model import Op, Reading


class Store(Protocol):
    """State of all principals; the clock is an argument, never read."""

    def apply(self, ops: Sequence[Op], now: float) -> list[Reading]:
        """Carry out `ops` in order at time `now` (seconds); one reading each. Raises StoreError."""
        ...

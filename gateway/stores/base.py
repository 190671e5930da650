"""The one interface of a state store: operations in, readings out, one round trip; and what to forget.

`apply` is synchronous on purpose: replicas keep local state and exchange mergeable summaries in the
background, so no request ever waits for the network (docs/decisions/0002).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Protocol

from gateway.campaigns.operations import Group
from gateway.model import Batch, Reading


class Store(Protocol):
    """State of all principals; the clock is an argument, never read."""

    def apply(self, batches: Sequence[Batch], now: float) -> list[list[Reading]]:
        """Carry out all batches in order at time `now` (seconds): one list of readings per batch, one
        reading per operation. Raises StoreError."""
        ...

    def campaigns(self, over: float, now: float) -> Iterator[Group]:
        """Every campaign whose evidence stands, counted over the `over` seconds before `now`.

        Raises StoreError.
        """
        ...

    def forget(self, keys: Set[str]) -> Iterator[None]:
        """Drop these counters everywhere, in steps between which the caller may do other things. A store
        whose counters expire by themselves has nothing to do. Raises StoreError."""
        ...

"""The leg to the model server: the one interface that drivers use, whatever client is behind it.

Law: bytes in, bytes out. This package neither decodes bodies nor knows what a model is; it never
sends a request twice unless not one byte of it was written.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

Headers = list[tuple[bytes, bytes]]
"""Header fields in wire order, names in any case, duplicates kept."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds per phase; None waits for ever. `idle` is the longest silence inside an answer."""

    connect: float | None = 5.0
    first_byte: float | None = 600.0
    idle: float | None = 300.0


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One request: `target` is the raw request target (path and query) as the client sent it.

    `headers` are end-to-end fields only; framing and `host` are the client's business. A body given
    as an iterator is sent chunked unless `headers` carry a content-length.
    """

    method: str
    target: bytes
    headers: Headers
    body: bytes | AsyncIterator[bytes] = b""


class UpstreamResponse(Protocol):
    """An answer whose head has arrived. Iterate once for the body; always `aclose()`."""

    status: int
    headers: Headers
    """End-to-end fields as received (hop-by-hop fields are already gone, content-length is kept)."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Body bytes as they arrive, transfer coding removed, content coding untouched.

        Raises UpstreamError when the server breaks off or falls silent for longer than `idle`.
        """
        ...

    async def aclose(self) -> None:
        """Give the connection back if the body was read to its end, else close it at once."""
        ...


class Upstream(Protocol):
    """A pool of connections to one origin."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Send and wait for the head of the answer. Cancelling closes the connection.

        Raises UpstreamError (`connect`, `timeout`, `closed`, `protocol`).
        """
        ...

    async def aclose(self) -> None:
        """Close idle connections now and busy ones when they end."""
        ...

"""One socket to the model server: who owns it now, and whether it still lives.

Law: bytes belong to the exchange that owns the connection at this moment. A server that speaks when
nobody asked has lost its place in the conversation, so the connection is closed (RFC 9112, 9.2).
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol, cast


class Owner(Protocol):
    """The exchange that a connection serves."""

    def received(self, data: bytes) -> None:
        """Bytes have arrived."""

    def ended(self, error: Exception | None) -> None:
        """The server closed its side (None), or the connection broke."""


class Keeper(Protocol):
    """The pool that a connection belongs to."""

    def forget(self, connection: Connection) -> None:
        """The socket is gone and its slot is free; called once for each connection that was admitted."""


class Connection(asyncio.Protocol):
    """One TCP, TLS or Unix stream, for one exchange at a time."""

    __slots__ = ("_keeper", "_writable", "admitted", "idle_since", "lost", "owner", "transport")

    transport: asyncio.Transport

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._writable: asyncio.Future[None] | None = None
        self.owner: Owner | None = None
        self.admitted = False
        """Whether the pool has taken it over, and so has to hear of its end."""
        self.idle_since = 0.0
        self.lost = asyncio.get_running_loop().create_future()
        """Done when the socket is gone."""

    @property
    def alive(self) -> bool:
        """Whether a request may still be written."""
        return not self.transport.is_closing()

    @property
    def drained(self) -> bool:
        """Whether everything written has been given to the kernel."""
        return self.transport.get_write_buffer_size() == 0

    async def writable(self) -> None:
        """Return when the transport wants more bytes, or is gone."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    def abort(self) -> None:
        """Close now. TLS gets no close_notify: a polite end may wait 30 s for the peer's."""
        self.transport.abort()

    # --- called by the event loop -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The stream is open."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes for the owner; without one they end the connection."""
        if self.owner is None:
            self.transport.abort()
        else:
            self.owner.received(data)

    def eof_received(self) -> None:
        """The server's last byte. Returning None closes our side as well."""
        if self.owner is not None and self._properly_ended():
            self.owner.ended(None)

    def _properly_ended(self) -> bool:
        """Whether a TLS stream ended with close_notify: asyncio (not uvloop) calls any end an end."""
        tls: ssl.SSLObject | None = self.transport.get_extra_info("ssl_object")
        if tls is None:
            return True
        try:
            return not tls.read(1)
        except ssl.SSLError:
            return False

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is gone, by whoever's will."""
        self.resume_writing()
        if self.owner is not None:
            # No end of stream came before: also TLS without close_notify, which anyone on the way can
            # bring about, so an answer that ends with the connection has not ended (RFC 9112, 9.8).
            self.owner.ended(error or ConnectionAbortedError("without an end of stream"))
        self.lost.set_result(None)
        if self.admitted:
            self._keeper.forget(self)

    def pause_writing(self) -> None:
        """The transport holds more than its high-water mark (64 KiB by default)."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The transport has sent enough, or will send no more."""
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

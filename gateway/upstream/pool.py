"""The connections to one origin: which one serves a request, when one is opened, when one is closed.

Law: a request is written to one connection, once. A connection that turns out to be dead before the
first byte is passed over; after that byte nothing is repeated, because the server may have begun to
work (RFC 9110, 9.2.2). Every step is O(1): in httpx the scan over all pooled connections is most of the
client's cost (measured: 1,075 µs per request with 32 connections, 2,329 µs with 512).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from pathlib import Path

from gateway.errors import UpstreamError
from gateway.upstream.base import Timeouts, UpstreamRequest, UpstreamResponse
from gateway.upstream.connection import Connection
from gateway.upstream.exchange import Exchange
from gateway.upstream.origin import Tls, parse_origin
from gateway.upstream.request import encode_head

KEEP_IDLE = 4.0
"""Seconds after which an idle connection is not used again. uvicorn, and with it vLLM, closes after 5 s
of silence; a request that meets that close on its way cannot be repeated."""

SETTLE = 0.05
"""Seconds for which a connection rests after an answer in chunks. llama.cpp's server closes its own 20 to
50 µs after the last chunk, unannounced (measured; its HTTP library does so after every stream), and at
once used again it failed 3 of 220 requests."""

PATIENCE = Timeouts()
"""The timeouts of a pool that is given none."""

_SYSTEM_TRUST = Tls()

# What a waiter is given: a connection, or the right to open one (False: the pool was closed).
_Grant = Connection | bool


class Pool:
    """An `Upstream`: HTTP/1.1 with keep-alive over TCP, TLS or a Unix socket.

    `base_url` is `http[s]://host[:port][/prefix]`, the prefix being put before every request target; `uds`
    is the path of a Unix socket to use in place of TCP. At most `max_connections` are open at once, the
    rest wait in order, inside the connect timeout.
    Raises ValueError for a bad URL, OSError for a bad CA file.
    """

    def __init__(
        self,
        base_url: str,
        timeouts: Timeouts = PATIENCE,
        *,
        max_connections: int = 1000,
        tls: Tls = _SYSTEM_TRUST,
        uds: Path | None = None,
        keep_idle: float = KEEP_IDLE,
        settle: float = SETTLE,
    ) -> None:
        if max_connections < 1:
            raise ValueError("an upstream needs at least one connection")
        self._origin = parse_origin(base_url)
        self._tls: ssl.SSLContext | None = tls.context() if self._origin.secure else None
        self._uds = uds
        self._timeouts = timeouts
        self._keep_idle = keep_idle
        self._settle = settle
        self._limit = max_connections
        self._open = 0
        """Slots taken: connections that are idle, busy, closing, or being opened."""
        self._idle: dict[Connection, None] = {}
        self._settling: dict[Connection, asyncio.TimerHandle] = {}
        self._waiters: OrderedDict[asyncio.Future[_Grant], None] = OrderedDict()
        self._closed = False

    @property
    def idle(self) -> int:
        """Open connections that wait for a request, or until they may."""
        return len(self._idle) + len(self._settling)

    @property
    def busy(self) -> int:
        """Connections that serve a request, are being opened, or are not wholly closed yet."""
        return self._open - self.idle

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""
        return len(self._waiters)

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Send and wait for the head of the answer; a connection is given back when the body has arrived.

        An answer that comes before the whole request was sent is delivered; an iterator is then read no
        further, and the connection is closed with the end of the answer. Raises UpstreamError, or what the
        body iterator raises.
        """
        head, length = encode_head(request, self._origin)
        connection = await self._acquire()
        exchange = Exchange(connection, request.method, self._timeouts, self._give_back)
        try:
            await exchange.start(head, request.body, length)
        except BaseException:
            exchange.abort()
            raise
        return exchange

    async def aclose(self) -> None:
        """Close idle connections now and busy ones when their answers end; requests in wait fail."""
        self._closed = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(False)
        for timer in self._settling.values():
            timer.cancel()
        idle = [*self._idle, *self._settling]
        self._idle.clear()
        self._settling.clear()
        for connection in idle:
            connection.abort()
        for connection in idle:
            await asyncio.shield(connection.lost)

    # --- getting a connection ---------------------------------------------------------------------

    async def _acquire(self) -> Connection:
        loop = asyncio.get_running_loop()
        limit = self._timeouts.connect
        deadline = None if limit is None else loop.time() + limit
        first = False
        while not self._closed:
            connection = self._pop_idle(loop)
            if connection is not None:
                return connection
            if self._open < self._limit:
                self._open += 1
                return await self._connect(loop, deadline)
            grant = await self._queue(loop, deadline, first)
            if grant is True:
                return await self._connect(loop, deadline)
            if isinstance(grant, Connection) and grant.alive:
                return grant
            # It died between the grant and now: back to the head of the line.
            first = True
        raise UpstreamError("closed", "the pool of connections is closed", sent=False)

    def _pop_idle(self, loop: asyncio.AbstractEventLoop) -> Connection | None:
        """The connection that was used last and so is the least likely to have been closed meanwhile."""
        if not self._idle:
            return None
        oldest = loop.time() - self._keep_idle
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.alive and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    async def _queue(self, loop: asyncio.AbstractEventLoop, deadline: float | None, first: bool) -> _Grant:
        """Wait in line for a connection, or for True: a slot to open one."""
        waiter: asyncio.Future[_Grant] = loop.create_future()
        self._waiters[waiter] = None
        if first:
            self._waiters.move_to_end(waiter, last=False)
        try:
            async with asyncio.timeout_at(deadline):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                # Granted and given up in the same breath: the next in line must not lose by it.
                self._hand_on(waiter.result())
            if isinstance(error, TimeoutError):
                raise UpstreamError("timeout", "no connection became free in time", sent=False) from None
            raise
        finally:
            self._waiters.pop(waiter, None)

    async def _connect(self, loop: asyncio.AbstractEventLoop, deadline: float | None) -> Connection:
        """Open a connection in a slot that is already taken; the slot is freed if that fails."""
        connection = Connection(self)
        try:
            async with asyncio.timeout_at(deadline):
                await self._open_stream(loop, connection)
            if not connection.alive:
                raise UpstreamError("connect", "the server closed the connection at once", sent=False)
        except BaseException as error:
            self._free_slot()
            if isinstance(error, TimeoutError):
                raise UpstreamError("timeout", "connecting took too long", sent=False) from error
            if isinstance(error, OSError):
                raise UpstreamError("connect", f"cannot connect: {error}", sent=False) from error
            raise
        connection.admitted = True
        return connection

    async def _open_stream(self, loop: asyncio.AbstractEventLoop, connection: Connection) -> None:
        origin = self._origin
        name = origin.host if self._tls is not None else None
        if self._uds is not None:
            await loop.create_unix_connection(
                lambda: connection, str(self._uds), ssl=self._tls, server_hostname=name
            )
        else:
            await loop.create_connection(
                lambda: connection, origin.host, origin.port, ssl=self._tls, server_hostname=name
            )

    # --- giving it back ---------------------------------------------------------------------------

    def forget(self, connection: Connection) -> None:
        """Called by a connection whose socket is gone."""
        self._idle.pop(connection, None)
        timer = self._settling.pop(connection, None)
        if timer is not None:
            timer.cancel()
        self._free_slot()

    def _give_back(self, connection: Connection, chunked: bool = False) -> None:
        """`chunked`: the answer came so, and the server may be about to close (see SETTLE)."""
        if self._closed or (chunked and self._waiters):
            # Who waits for a slot is better served by a new connection than by one to be waited for.
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        if chunked:
            self._settling[connection] = loop.call_later(self._settle, self._settled, connection)
            return
        connection.idle_since = loop.time()
        waiter = self._next_waiter()
        if waiter is None:
            self._idle[connection] = None
        else:
            waiter.set_result(connection)

    def _settled(self, connection: Connection) -> None:
        del self._settling[connection]
        self._give_back(connection)

    def _hand_on(self, grant: _Grant) -> None:
        if isinstance(grant, Connection):
            self._give_back(grant)
        elif grant:
            self._free_slot()

    def _free_slot(self) -> None:
        waiter = self._next_waiter()
        if waiter is None:
            self._open -= 1
        else:
            waiter.set_result(True)

    def _next_waiter(self) -> asyncio.Future[_Grant] | None:
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():
                return waiter
        return None

"""One request and its answer over one connection: sending, waiting, back-pressure, deadlines.

Law: an exchange ends exactly once, either complete (the connection goes back, or is closed if it cannot
be used again) or failed (it is closed at once). It goes back as soon as the last byte has *arrived*,
whether or not anyone has read it yet. Errors are stored, not set on futures, so none is ever lost or
reported twice by the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from gateway.errors import UpstreamError
from gateway.upstream.answer import AnswerReader
from gateway.upstream.base import Headers, Timeouts
from gateway.upstream.connection import Connection
from gateway.upstream.headers import answer_fields

HIGH_WATER = 64 * 1024
"""Unread body bytes at which reading from the socket pauses; one read (≤ 256 KiB) may come on top."""

# Below this size one copy is cheaper than a second entry in the transport's write queue.
_JOIN = 64 * 1024


class Exchange:
    """An UpstreamResponse once `start` has returned; iterate once, always `aclose`."""

    __slots__ = (
        "_connection", "_deadline", "_error", "_fires_at", "_loop", "_over", "_parts", "_paused", "_reader",
        "_release", "_sent", "_size", "_timeouts", "_timer", "_waiter", "headers", "status",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        method: str,
        timeouts: Timeouts,
        release: Callable[[Connection, bool], None],
    ) -> None:
        """`release` takes the connection back, and whether the answer came in chunks."""
        self.status = 0
        self.headers: Headers = []
        self._connection = connection
        self._timeouts = timeouts
        self._release = release
        self._reader = AnswerReader(method)
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0
        self._paused = False
        self._sent = False
        self._over = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fires_at = 0.0
        self._deadline: float | None = None
        connection.owner = self

    # --- for the pool and the consumer ------------------------------------------------------------

    async def start(self, head: bytes, body: bytes | AsyncIterator[bytes], length: int | None) -> None:
        """Send the request and return when the head of the answer is there.

        `length` is the body's size in bytes, None to send it in chunks. Raises UpstreamError, or whatever
        the body iterator raised.
        """
        if isinstance(body, bytes):
            self._write(head, body)
            self._all_sent()
            await self._head()
        else:
            await self._start_streaming(head, body, length)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """All body bytes that have arrived since the last call, as soon as there are any."""
        while True:
            if self._parts:
                return self._take()
            if self._error is not None:
                raise self._error
            if self._over:
                raise StopAsyncIteration
            self._arm(self._timeouts.idle)
            await self._wait()

    async def aclose(self) -> None:
        """Close the connection unless the answer has arrived whole; what was not read is forgotten."""
        self.abort()
        if self._parts:
            # Reading on must not look like reaching the end.
            self._parts.clear()
            self._error = self._error or _given_up()

    def abort(self) -> None:
        """Fail the exchange, if it is not over, and so close its connection at once."""
        self._fail(_given_up())

    # --- called by the connection -----------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Bytes of the answer have arrived."""
        reader = self._reader
        try:
            body = reader.feed(data)
        except UpstreamError as error:
            self._fail(error)
            return
        if not self.status and reader.status:
            self.status = reader.status
            self.headers = answer_fields(reader.headers)
            self._wake()
        if body:
            self._parts.append(body)
            self._size += len(body)
            self._wake()
        if reader.complete:
            self._finish()
        elif self._size > HIGH_WATER and not self._paused:
            self._paused = True
            self._connection.transport.pause_reading()

    def ended(self, error: Exception | None) -> None:
        """The server closed its side (None), or the connection broke: nothing more will come."""
        try:
            if error is not None:
                raise UpstreamError("closed", f"the connection broke: {error}", sent=True)
            self._reader.end()
        except UpstreamError as failure:
            self._fail(failure)
        else:
            self._finish()

    # --- sending ----------------------------------------------------------------------------------

    def _write(self, head: bytes, body: bytes) -> None:
        transport = self._connection.transport
        if len(body) <= _JOIN:
            transport.write(head + body)
        else:
            transport.writelines((head, body))

    async def _start_streaming(self, head: bytes, body: AsyncIterator[bytes], length: int | None) -> None:
        """Send from an iterator, in a task of its own: an answer may come while the iterator stands still."""
        self._connection.transport.write(head)
        sender = self._loop.create_task(self._send_body(body, length))
        sender.add_done_callback(self._sender_done)
        try:
            await self._head()
        finally:
            # An early answer (413) stops the upload; what the client still sends concerns nobody. The
            # iterator must be still before we return: its reader (ASGI `receive`) allows one caller.
            if not sender.done():
                sender.cancel()
                await asyncio.wait((sender,))

    async def _send_body(self, body: AsyncIterator[bytes], length: int | None) -> None:
        total = 0
        async for data in body:
            total += len(data)
            if length is not None and total > length:
                raise UpstreamError("protocol", "the body is longer than its content-length", sent=True)
            if data and not self._over:
                self._connection.transport.write(
                    data if length is not None else b"%x\r\n%b\r\n" % (len(data), data)
                )
                await self._drain()
        if length is not None and total < length:
            raise UpstreamError("protocol", "the body is shorter than its content-length", sent=True)
        if length is None and not self._over:
            self._connection.transport.write(b"0\r\n\r\n")
        self._all_sent()

    async def _drain(self) -> None:
        """Wait until the transport wants more; a server that does not read is silent too."""
        try:
            async with asyncio.timeout(self._timeouts.idle):
                await self._connection.writable()
        except TimeoutError:
            raise UpstreamError("timeout", "the server stopped reading the request", sent=True) from None

    def _sender_done(self, sender: asyncio.Task[None]) -> None:
        if sender.cancelled():
            error: BaseException | None = UpstreamError("closed", "the request body was given up", sent=True)
        else:
            error = sender.exception()
        if error is not None and not self.status:
            self._fail(error)

    def _all_sent(self) -> None:
        self._sent = True
        if not self.status and not self._over:
            self._arm(self._timeouts.first_byte)

    # --- receiving --------------------------------------------------------------------------------

    async def _head(self) -> None:
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait()

    def _take(self) -> bytes:
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self._connection.transport.resume_reading()
        return data

    async def _wait(self) -> None:
        """Sleep until something has changed; being cancelled here ends the exchange."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except BaseException:
            self.abort()
            raise
        finally:
            self._waiter = None
            self._deadline = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- the end ----------------------------------------------------------------------------------

    def _finish(self) -> None:
        """The answer is complete: give the connection on, or close it if it cannot serve again."""
        connection = self._detach()
        # A request that is still being sent would end inside the next one.
        if self._reader.reusable and self._sent and connection.drained and connection.alive:
            self._release(connection, self._reader.chunked)
        else:
            connection.abort()

    def _fail(self, error: BaseException) -> None:
        if not self._over:
            self._error = error
            self._detach().abort()

    def _detach(self) -> Connection:
        """End the exchange: from here on the connection is not ours."""
        self._over = True
        # Paused means that more was to come: then this connection is not given on, and need not resume.
        self._paused = False
        self._connection.owner = None
        self._deadline = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()
        return self._connection

    # --- deadlines --------------------------------------------------------------------------------

    def _arm(self, limit: float | None) -> None:
        """Fail unless woken within `limit` seconds.

        One timer serves the whole exchange: it is moved when it fires too early, not for every chunk.
        """
        if limit is None:
            return
        self._deadline = self._loop.time() + limit
        if self._timer is not None and self._fires_at > self._deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._set_timer(self._deadline)

    def _set_timer(self, when: float) -> None:
        self._fires_at = when
        self._timer = self._loop.call_at(when, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer(self._deadline)
            return
        phase = "inside the answer" if self.status else "before the answer"
        self._fail(UpstreamError("timeout", f"the server was silent for too long {phase}", sent=True))


def _given_up() -> UpstreamError:
    return UpstreamError("closed", "the answer was given up", sent=True)

"""Real things to test against: a scripted upstream, a clock from a list, servers on loopback.

For this project's tests and for those of people who write policies, actions, dialects or integrations.
Nothing here patches or pretends: each helper honours the interface it stands for. Nothing in the gateway
itself imports this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

import uvicorn

from gateway.errors import UpstreamError
from gateway.upstream.base import Headers, UpstreamRequest, UpstreamResponse

# --- the model server, without sockets -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer. `chunks` are handed on one by one; an `asyncio.Event` among them is waited for.

    `failure` is raised after `fails_after` chunks; with `fails_after` None it comes in place of the head.
    """

    status: int = 200
    headers: Headers = field(default_factory=list)
    chunks: tuple[bytes | asyncio.Event, ...] = ()
    failure: UpstreamError | None = None
    fails_after: int | None = None


class ScriptedUpstream:
    """An `Upstream` that answers from a script: a list of replies, or a function of the request.

    A body given as an iterator is read to its end first. A list that has run out is an AssertionError.
    """

    def __init__(self, script: Iterable[Reply] | Callable[[UpstreamRequest], Reply]) -> None:
        self._function = script if callable(script) else None
        self._replies = iter(()) if callable(script) else iter(script)
        self.requests: list[UpstreamRequest] = []
        """What was sent, in order, bodies always as bytes."""
        self.unclosed = 0
        """Answers that were handed out and neither closed yet."""
        self.abandoned = 0
        """Answers that were closed before they had been read to the end."""
        self.closed = False

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Record the request and give the next reply. Raises its `failure` if that comes before the head."""
        if not isinstance(request.body, bytes):
            request = replace(request, body=b"".join([data async for data in request.body]))
        self.requests.append(request)
        reply = self._next(request)
        if reply.failure is not None and reply.fails_after is None:
            raise reply.failure
        self.unclosed += 1
        return _ScriptedResponse(reply, self)

    async def aclose(self) -> None:
        """Remember that the driver closed its upstream."""
        self.closed = True

    def _next(self, request: UpstreamRequest) -> Reply:
        if self._function is not None:
            return self._function(request)
        reply = next(self._replies, None)
        if reply is None:
            raise AssertionError(f"no reply is left for {request.method} {request.target!r}")
        return reply

    def ended(self, *, whole: bool) -> None:
        """Called by a reply that was closed."""
        self.unclosed -= 1
        self.abandoned += not whole


class _ScriptedResponse:
    def __init__(self, reply: Reply, upstream: ScriptedUpstream) -> None:
        self.status = reply.status
        self.headers = list(reply.headers)
        self._reply = reply
        self._upstream = upstream
        self._given = 0
        self._whole = False
        self._closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        reply = self._reply
        while True:
            if reply.failure is not None and self._given == reply.fails_after:
                raise reply.failure
            if self._given == len(reply.chunks):
                self._whole = True
                raise StopAsyncIteration
            chunk = reply.chunks[self._given]
            self._given += 1
            if isinstance(chunk, bytes):
                return chunk
            await chunk.wait()

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            self._upstream.ended(whole=self._whole)


# --- the clock ---------------------------------------------------------------------------------------


class ListClock:
    """A clock that says the given times one after another, and then the last of them for ever.

    Seconds as float. `advance` moves all that is still to come.
    """

    def __init__(self, times: Iterable[float] = (0.0,)) -> None:
        self._times = list(times)
        if not self._times:
            raise ValueError("a clock needs at least one time")

    def __call__(self) -> float:
        """The time now."""
        return self._times.pop(0) if len(self._times) > 1 else self._times[0]

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._times = [time + seconds for time in self._times]


# --- servers on loopback -----------------------------------------------------------------------------

App = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""


class _Server(uvicorn.Server):
    """uvicorn that tells when it is ready, so that nobody has to poll."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


@contextlib.contextmanager
def serve(app: App) -> Iterator[str]:
    """Run an ASGI app in uvicorn, in a thread, on a free loopback port; yields `http://127.0.0.1:port`.

    Lifespan events are sent if the app knows them. Raises RuntimeError if it does not start. On leaving,
    open connections are cut off and the thread is joined.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=1)
    server = _Server(config)

    def run() -> None:
        try:
            # uvicorn exits the process when the application does not start; `started` tells as much.
            with contextlib.suppress(SystemExit):
                server.run(sockets=[listener])
        finally:
            server.ready.set()

    thread = threading.Thread(target=run, name="gateway-testing-serve", daemon=True)
    thread.start()
    server.ready.wait()
    try:
        if not server.started:
            raise RuntimeError("the application did not start")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What a raw server does with one connection; it is closed when the script returns."""


class RawServer:
    """A TCP (or TLS, or Unix) server whose bytes are scripted; an async context manager.

    Each connection runs `script(reader, writer)`. Leaving cancels scripts that still run and raises the
    first exception that one of them raised, broken connections and early ends aside.
    """

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None, uds: str | None = None) -> None:
        self._script = script
        self._tls = tls
        self._uds = uds
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self.accepted = 0
        """Connections so far."""
        self.port = 0

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> RawServer:
        if self._uds is not None:
            self._server = await asyncio.start_unix_server(self._accept, self._uds, ssl=self._tls)
        else:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
            self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()
        if self._errors and error is None:
            raise self._errors[0]
        if self._errors and error is not None:
            error.add_note(f"the server's script had raised {self._errors[0]!r}")

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.get_running_loop().create_task(self._run(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._script(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            # The other side left: often just what a test is about.
            writer.close()
        except asyncio.CancelledError:
            # asyncio's transports forget their loop when they are lost, and then cannot abort.
            with contextlib.suppress(AttributeError):
                writer.transport.abort()
            raise
        except Exception as error:  # noqa: BLE001 - whatever a script raises belongs to the test around it
            self._errors.append(error)
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Head and body of the next request on a raw server's connection, as they came over the wire.

    Bodies by content-length or in chunks. Raises asyncio.IncompleteReadError if the client leaves before.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:-2])
    fields = {name.lower(): value.strip() for name, _, value in lines}
    if fields.get(b"transfer-encoding", b"").lower() != b"chunked":
        return head + await reader.readexactly(int(fields.get(b"content-length", b"0")))
    body, size = b"", -1
    while size != 0:
        line = await reader.readuntil(b"\r\n")
        size = int(line, 16)
        body += line + await reader.readexactly(size + 2)
    return head + body

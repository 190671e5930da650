"""The second client behind the interface, on httpx2: HTTP/2, outbound proxies, odd servers.

Law: each request has a connection to itself, in HTTP/2 too, and giving up an answer closes it. httpx2 does
not reset an HTTP/2 stream that nobody reads on: the model would go on writing, and what it wrote would stay
in the flow-control window of everybody else on that connection. One transport per connection also spares
httpcore's walk over all pooled connections at each request. What it costs, and what differs besides, is in
docs/decisions/0014.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2

from gateway.errors import UpstreamError
from gateway.upstream.base import Headers, Timeouts, UpstreamRequest, UpstreamResponse
from gateway.upstream.headers import answer_fields
from gateway.upstream.origin import Tls, parse_origin
from gateway.upstream.pool import KEEP_IDLE, PATIENCE
from gateway.upstream.request import encode_head

_SYSTEM_TRUST = Tls()
# httpcore's words for an end that came too early, where it has no class of its own for it.
_ENDED = ("Server disconnected", "peer closed connection", "peer unexpectedly closed")
_TRANSPORT_ENDS = (httpx2.ReadError, httpx2.WriteError, httpx2.CloseError)


class Httpx2:
    """An `Upstream` over httpx2.

    `http2` offers it by ALPN where the server has TLS, and speaks it unasked where it has not. `proxy` is
    the URL of an HTTP proxy, credentials included. All else is as in `pool.Pool`, and it raises the same.
    """

    def __init__(
        self,
        base_url: str,
        timeouts: Timeouts = PATIENCE,
        *,
        max_connections: int = 1000,
        tls: Tls = _SYSTEM_TRUST,
        http2: bool = False,
        proxy: str | None = None,
    ) -> None:
        if max_connections < 1:
            raise ValueError("an upstream needs at least one connection")
        self._origin = parse_origin(base_url)
        self._url = httpx2.URL(
            scheme="https" if self._origin.secure else "http", host=self._origin.host, port=self._origin.port
        )
        self._timeouts = timeouts
        self._tls = tls.context() if self._origin.secure else httpx2.create_ssl_context(verify=False)
        self._http2 = http2
        self._proxy = proxy
        self._slots = asyncio.Semaphore(max_connections)
        self._idle: list[httpx2.AsyncHTTPTransport] = []
        self.busy = 0
        """Requests that have a connection of their own, or wait for it to be opened or closed."""
        self._closed = False

    @property
    def idle(self) -> int:
        """Connections that wait for a request."""
        return len(self._idle)

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Send and wait for the head of the answer.

        An answer that comes early is seen when the whole request was sent, or the server closed. Raises
        UpstreamError, or what the body iterator raises.
        """
        # One set of rules for what may be written, whatever writes it.
        _, length = encode_head(request, self._origin)
        transport = await self._acquire()
        sending = _Sending(self._timeouts)
        try:
            response = await sending.run(transport, self._made(request, length, sending))
        except BaseException:
            await self._give_back(transport, whole=False)
            raise
        return _Answer(response, self._timeouts.idle, lambda whole: self._give_back(transport, whole))

    async def aclose(self) -> None:
        """Close idle connections now and busy ones when their answers end; requests in wait fail."""
        self._closed = True
        while self._idle:
            await self._idle.pop().aclose()

    # --- connections --------------------------------------------------------------------------------

    async def _acquire(self) -> httpx2.AsyncHTTPTransport:
        try:
            async with asyncio.timeout(self._timeouts.connect):
                await self._slots.acquire()
        except TimeoutError:
            raise UpstreamError("timeout", "no connection became free in time", sent=False) from None
        if self._closed:
            self._slots.release()
            raise UpstreamError("closed", "the pool of connections is closed", sent=False)
        self.busy += 1
        return self._idle.pop() if self._idle else self._transport()

    def _transport(self) -> httpx2.AsyncHTTPTransport:
        """One connection; httpx2 opens it, and another if the server has closed it meanwhile."""
        # Without TLS nothing can be negotiated: HTTP/2 is then a matter of prior knowledge (RFC 9113, 3.3).
        return httpx2.AsyncHTTPTransport(
            verify=self._tls,
            trust_env=False,
            http1=self._origin.secure or not self._http2,
            http2=self._http2,
            limits=httpx2.Limits(max_connections=1, keepalive_expiry=KEEP_IDLE),
            proxy=self._proxy,
        )

    async def _give_back(self, transport: httpx2.AsyncHTTPTransport, whole: bool) -> None:
        """`whole`: the answer was read to its end, so another request may follow."""
        try:
            if whole and not self._closed:
                self._idle.append(transport)
            else:
                await transport.aclose()
        finally:
            self.busy -= 1
            self._slots.release()

    # --- requests -----------------------------------------------------------------------------------

    def _made(self, request: UpstreamRequest, length: int | None, sending: _Sending) -> httpx2.Request:
        target = request.target if request.target == b"*" else self._origin.prefix + request.target
        headers = list(request.headers)
        if not any(name.lower() == b"host" for name, _ in headers):
            headers.insert(0, (b"host", self._origin.authority))
        timeouts = self._timeouts
        phases = {"connect": timeouts.connect, "pool": timeouts.connect, "read": None, "write": timeouts.idle}
        # `target` keeps httpx2 from normalising what the client wrote.
        extensions: dict[str, Any] = {"timeout": phases, "target": target, "trace": sending.trace}
        body = request.body
        content = body if isinstance(body, bytes) else _counted(body, length)
        return httpx2.Request(
            request.method, self._url, headers=headers, content=content, extensions=extensions
        )


async def _counted(body: AsyncIterator[bytes], length: int | None) -> AsyncIterator[bytes]:
    """The body, held to its length: HTTP/2 would send any."""
    total = 0
    async for data in body:
        total += len(data)
        if length is not None and total > length:
            raise UpstreamError("protocol", "the body is longer than its content-length", sent=True)
        if data:
            yield data
    if length is not None and total < length:
        raise UpstreamError("protocol", "the body is shorter than its content-length", sent=True)


class _Sending:
    """One request until the head of its answer: what httpx2 tells of its steps, and the deadline."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._first_byte = timeouts.first_byte
        self._deadline = asyncio.timeout(None)
        self._sent = False

    async def run(self, transport: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> httpx2.Response:
        """The answer's head. Raises UpstreamError."""
        try:
            async with self._deadline:
                return await transport.handle_async_request(request)
        except TimeoutError:
            message = "the server was silent for too long before the answer"
            raise UpstreamError("timeout", message, sent=True) from None
        except httpx2.TransportError as error:
            raise _mapped(error, self._sent) from error

    async def trace(self, step: str, info: dict[str, Any]) -> None:
        """Called by httpcore; the names of steps are documented (its `trace` extension)."""
        if step.endswith(".send_request_headers.started"):
            self._sent = True
        elif step.endswith(".send_request_body.complete") and self._first_byte is not None:
            self._deadline.reschedule(asyncio.get_running_loop().time() + self._first_byte)


class _Answer:
    """An UpstreamResponse."""

    def __init__(self, response: httpx2.Response, idle: float | None, release: Callable[[bool], Any]) -> None:
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        self.status = response.status_code
        self.headers: Headers = answer_fields(response.headers.raw)
        self._stream = response.stream
        self._body = aiter(response.stream)
        self._idle = idle
        self._release = release
        self._over = False
        self._error: UpstreamError | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """Body bytes as they come."""
        while not self._over:
            try:
                async with asyncio.timeout(self._idle):
                    data = await anext(self._body)
            except StopAsyncIteration:
                await self._end(whole=True)
            except TimeoutError:
                self._error = UpstreamError(
                    "timeout", "the server was silent for too long inside the answer", sent=True
                )
                await self._end(whole=False)
            except httpx2.TransportError as error:
                self._error = _mapped(error, sent=True)
                await self._end(whole=False)
            except BaseException:
                await self._end(whole=False)
                raise
            else:
                if data:
                    return data
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection unless the answer was read to its end."""
        if not self._over:
            self._error = UpstreamError("closed", "the answer was given up", sent=True)
            await self._end(whole=False)

    async def _end(self, whole: bool) -> None:
        self._over = True
        try:
            await self._stream.aclose()
        finally:
            await self._release(whole)


def _mapped(error: httpx2.TransportError, sent: bool) -> UpstreamError:
    """The error in this package's words."""
    if isinstance(error, httpx2.ConnectTimeout):
        return UpstreamError("timeout", "connecting took too long", sent=False)
    if isinstance(error, httpx2.WriteTimeout):
        return UpstreamError("timeout", "the server stopped reading the request", sent=True)
    if isinstance(error, httpx2.ConnectError | httpx2.ProxyError):
        return UpstreamError("connect", f"cannot connect: {error}", sent=False)
    if isinstance(error, _TRANSPORT_ENDS) or str(error).startswith(_ENDED):
        return UpstreamError("closed", f"the connection broke: {error}", sent=sent)
    return UpstreamError("protocol", f"the answer is malformed: {error}", sent=sent)

"""The reverse proxy as a raw ASGI application: it waits, sends and relays, and decides nothing.

One straight path per request: read the body → `Exchange.judge` → wait, refuse or forward → relay chunk
by chunk → `Exchange.finish` → one record. Pure ASGI: no middleware, no added buffering, all state of a
request in its own `_Visit`. The client's leaving is watched in every phase and cancels the upstream.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol, TypeVar

from msgspec import structs
from starlette.types import Receive, Scope, Send

from gateway.actions.tasks import Pace, Pin
from gateway.adapters.client import ClientGoneError, Inbox, Leaving
from gateway.adapters.pins import Pins, key_of
from gateway.adapters.refusals import too_large, unknown_route
from gateway.badge import badge
from gateway.errors import CallError, UpstreamError
from gateway.exchange import Answer, Exchange, Forward, Head
from gateway.gate import Gate, Headers
from gateway.metrics import Metrics
from gateway.model import Mode, Outcome
from gateway.notices import Notices
from gateway.pacing import Pacer
from gateway.records import Record
from gateway.stream import form_of
from gateway.upstream.base import Upstream, UpstreamRequest, UpstreamResponse
from gateway.upstream.headers import end_to_end

_log = logging.getLogger("gateway.proxy")

Wanted = TypeVar("Wanted", Pace, Pin)

MEANWHILE = 0.01
"""Seconds after which what need not be known at once is worked out, or at the end of a quicker answer: an
answer that is already on its way back must not wait for it."""


class Sink(Protocol):
    """Where records go; never blocks."""

    def write(self, record: Record) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the proxy is made of; `gate` is a callable so that a reload swaps one reference."""

    gate: Callable[[], Gate]
    upstream: Upstream
    sink: Sink
    metrics: Metrics
    clock: Callable[[], float]
    new_id: Callable[[], str]
    deny_unknown: bool = False
    notices: Notices | None = None
    """Who tells the operator's systems; None tells nobody."""
    pins: Pins | None = None
    """Where pinned answers are kept; None keeps none."""
    steady: Callable[[], float] = perf_counter
    """The clock by which answers are paced, in seconds."""
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    """Waits so many seconds of that clock."""


class Proxy:
    """The ASGI application."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request; any other scope is refused by not being served."""
        if scope["type"] != "http":
            raise RuntimeError(f"unsupported ASGI scope: {scope['type']}")
        await _Visit(self._parts, scope, receive, send).run()


def _has_body(head: Head) -> bool:
    return head.get(b"content-length") not in (None, "0") or head.get(b"transfer-encoding") is not None


def _head(scope: Scope) -> Head:
    """The request head as the client sent it: the raw target, not Starlette's decoded path."""
    target: bytes = scope["raw_path"]
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    peer = scope.get("client")
    return Head(scope["method"], target, list(scope["headers"]), peer[0] if peer else None)


class _Visit:
    """One request on its way through the proxy."""

    def __init__(self, parts: Parts, scope: Scope, receive: Receive, send: Send) -> None:
        self.parts = parts
        self.send = send
        self.inbox = Inbox(receive)
        self.leaving = Leaving(self.inbox)
        self.gate = parts.gate()
        self.exchange = Exchange(self.gate, _head(scope), parts.new_id(), parts.clock())
        self.started = False
        self.outcome = Outcome(finished=False)
        self.overhead = 0.0
        self.read_at: float | None = None
        """When the body was there, if the call has yet to be judged."""
        self.study: asyncio.TimerHandle | None = None
        self.body = b""
        self.phase = "request"
        self.pacer: Pacer | None = None

    async def run(self) -> None:
        """Serve, and leave one record whatever happens."""
        self.parts.metrics.inflight(1)
        try:
            await self._serve()
        except asyncio.CancelledError:
            if not self.leaving.caused():
                raise
            self._left()
        finally:
            self.leaving.over()
            self.parts.metrics.inflight(-1)
            self._close()

    def _left(self) -> None:
        self.outcome = structs.replace(self.outcome, finished=False, error="client_gone")
        self.parts.metrics.client_disconnect(self.phase)

    async def _serve(self) -> None:
        try:
            verdict = await self._judge()
            if isinstance(verdict, Answer):
                await self._answer(verdict)
                self._study()
                return
            await self._forward(verdict)
        except ClientGoneError:
            self._left()
        except CallError as error:
            answer = self.exchange.call_error(error)
            await self._answer(replace(answer, headers=[*answer.headers, (b"connection", b"close")]))

    async def _judge(self) -> Answer | Forward:
        exchange = self.exchange
        if exchange.route is None:
            self.parts.metrics.unknown_route("deny" if self.parts.deny_unknown else "pass")
            if self.parts.deny_unknown:
                raise unknown_route()
            exchange.identify()
            if not _has_body(exchange.head):
                # Nothing to stream: reading the empty body to its end lets `gone` watch the client.
                await self.inbox.whole(0)
            return Forward(exchange.head.headers)
        length = exchange.head.get(b"content-length") or "0"
        if length.isdigit() and int(length) > self.gate.max_body:
            raise too_large(self.gate.max_body)
        self.body = await self.inbox.whole(self.gate.max_body)
        self.read_at = self.parts.clock()
        if self.gate.ceiling is not Mode.ENFORCE:
            # Nothing can come of it: the model server need not wait for it.
            return Forward(exchange.head.headers)
        verdict = self._decide(self.read_at)
        transaction, notices = exchange.transaction, self.parts.notices
        if notices is not None and transaction is not None and transaction.notice is not None:
            notices.tell(transaction.notice, transaction.principal, transaction.decision)
        return verdict

    # --- to the model server and back ---------------------------------------------------------------

    async def _forward(self, verdict: Forward) -> None:
        if verdict.delay:
            self.phase = "delay"
            await asyncio.sleep(verdict.delay)
        self.phase = "headers"
        sent, due = perf_counter(), self.parts.steady()
        self.study = asyncio.get_running_loop().call_later(MEANWHILE, self._study)
        try:
            response = await self._obtain(self._request(verdict))
        except UpstreamError as error:
            await self._upstream_failed(error)
            return
        self.parts.metrics.ttfb(perf_counter() - sent)
        try:
            await self._relay(response, due)
        finally:
            await response.aclose()

    async def _obtain(self, request: UpstreamRequest) -> UpstreamResponse:
        """The model's answer, or the one that is pinned to this prompt."""
        pin, pins = self._task(Pin), self.parts.pins
        exchange = self.exchange
        if pin is None or pins is None or exchange.transaction is None:
            return await self.parts.upstream.send(request)
        key = key_of(pin, exchange.transaction.principal.id, exchange.head)
        dialect = exchange.transaction.dialect
        return await pins.answer(key, pin.within, dialect, lambda: self.parts.upstream.send(request))

    def _task(self, kind: type[Wanted]) -> Wanted | None:
        transaction = self.exchange.transaction
        if transaction is None:
            return None
        return next((task for task in transaction.tasks if isinstance(task, kind)), None)

    def _decide(self, now: float) -> Answer | Forward:
        began = perf_counter()
        self.read_at = None
        verdict = self.exchange.judge(self.body, now)
        self.overhead += perf_counter() - began
        return verdict

    def _study(self) -> None:
        """Whatever did not have to be known before the request was forwarded."""
        if self.study is not None:
            self.study.cancel()
            self.study = None
        if self.read_at is not None:
            self._decide(self.read_at)
        self.body = b""
        began = perf_counter()
        self.exchange.forwarded(self.parts.clock())
        self.overhead += perf_counter() - began

    def _request(self, verdict: Forward) -> UpstreamRequest:
        head = self.exchange.head
        headers = [pair for pair in end_to_end(verdict.headers) if not pair[0].startswith(b"x-gateway-")]
        if self.exchange.route is not None:
            body: bytes | AsyncIterator[bytes] = self.body if verdict.body is None else verdict.body
            return UpstreamRequest(head.method, head.target, headers, body)
        length = head.get(b"content-length")
        if length is not None:
            headers.append((b"content-length", length.encode()))
        if not _has_body(head):
            return UpstreamRequest(head.method, head.target, headers)
        return UpstreamRequest(head.method, head.target, headers, self.inbox.chunks())

    async def _relay(self, response: UpstreamResponse, sent: float) -> None:
        exchange = self.exchange
        try:
            headers = exchange.respond(response.status, response.headers)
            self._pace(response.status, headers, sent)
            if not exchange.document:
                await self._start(response.status, headers)
            held = bytearray()
            async for chunk in response:
                out = exchange.feed(chunk)
                if exchange.document:
                    held += out
                elif out:
                    await self._pass(out)
                exchange.observe(chunk)
            rest = exchange.end()
        except UpstreamError as error:
            await self._upstream_failed(error)
            return
        except ValueError:
            # An enforced edit could not be carried out: unedited bytes must not leak (fail closed).
            await self._upstream_failed(UpstreamError("protocol", "unreadable answer", sent=True))
            return
        if exchange.document:
            rest = bytes(held) + rest
            await self._start(response.status, [*headers, (b"content-length", str(len(rest)).encode())])
        await self._end(rest)

    def _pace(self, status: int, headers: Headers, sent: float) -> None:
        """Pace the answer if that is asked for; `headers` are those that the client will see."""
        pace, transaction = self._task(Pace), self.exchange.transaction
        if pace is None or transaction is None or not 200 <= status < 300:
            return
        framing, coding = form_of(headers)
        # Nobody sees how long a whole answer took to make; of a stream, everybody does.
        began = sent if framing is None else self.parts.steady()
        readable = coding in ("", "identity")
        self.pacer = Pacer(pace, transaction.dialect, framing, began, readable=readable)

    async def _pass(self, out: bytes) -> None:
        """Send on what the client may have now; meanwhile nothing is read from the model server."""
        if self.pacer is None:
            await self.send({"type": "http.response.body", "body": out, "more_body": True})
            return
        for piece, tokens in self.pacer.feed(out):
            await self._pause(self.pacer, tokens)
            await self.send({"type": "http.response.body", "body": piece, "more_body": True})

    async def _pause(self, pacer: Pacer, tokens: float) -> None:
        pause = pacer.wait(tokens, self.parts.steady())
        if pause > 0:
            self.parts.metrics.paced(pause)
            await self.parts.pause(pause)

    async def _end(self, rest: bytes) -> None:
        """Send the last of the answer."""
        if self.pacer is not None:
            if rest:
                await self._pass(rest)
            rest, tokens = self.pacer.close()
            await self._pause(self.pacer, tokens)
        self.outcome = structs.replace(self.outcome, finished=True)
        await self.send({"type": "http.response.body", "body": rest, "more_body": False})
        self.leaving.over()

    async def _start(self, status: int, headers: Headers) -> None:
        self.phase = "body"
        self.started = True
        lowered = [*((name.lower(), value) for name, value in headers), *badge(self.gate)]
        await self.send({"type": "http.response.start", "status": status, "headers": lowered})

    async def _upstream_failed(self, error: UpstreamError) -> None:
        self.parts.metrics.upstream_error(error.kind)
        self.outcome = structs.replace(self.outcome, finished=False, error=f"upstream_{error.kind}")
        _log.warning("upstream %s: %s (request %s)", error.kind, error, self.exchange.id)
        if not self.started:
            await self._answer(self.exchange.upstream_error(error))
            return
        if self.pacer is not None:
            # What it still held was read, and a client may make something of half an event.
            rest, _ = self.pacer.close()
            await self.send({"type": "http.response.body", "body": rest, "more_body": True})
        tail = self.exchange.broken(error)
        if tail is not None:
            await self.send({"type": "http.response.body", "body": tail, "more_body": False})
        # Otherwise the response stays incomplete, and the server cuts the connection: the client sees it.

    async def _answer(self, answer: Answer) -> None:
        self.started = True
        if self.outcome.error is None:
            self.outcome = structs.replace(self.outcome, finished=True)
        headers = [*answer.headers, *badge(self.gate)]
        await self.send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": answer.body, "more_body": False})
        self.leaving.over()

    def _close(self) -> None:
        """One record, and the metrics that go with it."""
        if self.study is not None or self.read_at is not None:
            self._study()
        began = perf_counter()
        record = self.exchange.finish(self.outcome, self.parts.clock())
        overhead = round((self.overhead + perf_counter() - began) * 1e6)
        record = structs.replace(record, overhead_us=overhead)
        self.parts.metrics.call(record)
        self.parts.sink.write(record)

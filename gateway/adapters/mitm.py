"""The mitmproxy addon: the same exchange, driven by mitmproxy's hooks.

    mitmdump --mode reverse:http://127.0.0.1:8000 -s path/to/gateway/adapters/mitm.py \\
        --set stillgate_config=config.yaml

mitmproxy owns the sockets; this file only carries bytes between its flows and `Exchange`. It needs the
extra `[mitmproxy]`, whose pins hold other packages back (docs/decisions/0003).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from mitmproxy import ctx, http

from gateway.assemble import assemble
from gateway.audit import Writer
from gateway.config import load_config
from gateway.errors import CallError, UpstreamError
from gateway.exchange import Answer, Exchange, Gate, Head, Headers
from gateway.model import JSON, Outcome
from gateway.policies.load import load_bundle
from gateway.records import Record

_EXCHANGE, _ANSWERED, _DOCUMENT = "stillgate", "stillgate-answered", "stillgate-document"


class Sink(Protocol):
    """Where records go."""

    def write(self, record: Record) -> None: ...


class Driver:
    """mitmproxy's hooks over one gate; clock and ids are arguments, as everywhere."""

    def __init__(
        self,
        gate: Gate,
        sink: Sink,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: secrets.token_hex(12),
        deny_unknown: bool = False,
    ) -> None:
        self._gate, self._sink, self._clock, self._new_id = gate, sink, clock, new_id
        self._deny_unknown = deny_unknown

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """A request's head: what is not scored is streamed through unread."""
        fields = [(name.lower(), value) for name, value in flow.request.headers.fields]
        peer = flow.client_conn.peername
        head = Head(flow.request.method, flow.request.data.path, fields, peer[0] if peer else None)
        exchange = Exchange(self._gate, head, self._new_id(), self._clock())
        flow.metadata[_EXCHANGE] = exchange
        if exchange.route is None:
            exchange.identify()
            flow.request.stream = not self._deny_unknown

    async def request(self, flow: http.HTTPFlow) -> None:
        """A whole request: score it, then refuse, wait, edit or let it go."""
        exchange: Exchange = flow.metadata[_EXCHANGE]
        if exchange.route is None:
            if self._deny_unknown:
                error = CallError(404, "unknown_route", "This path is not served here.")
                self._answer(flow, exchange.call_error(error))
            return
        body = flow.request.raw_content or b""
        if len(body) > self._gate.max_body:
            exchange.unscored = "body_too_large"
            error = CallError(413, "body_too_large", "The request body is too large.")
            self._answer(flow, exchange.call_error(error))
            return
        verdict = exchange.judge(body, self._clock())
        asyncio.get_running_loop().call_soon(exchange.forwarded, self._clock())
        if isinstance(verdict, Answer):
            self._answer(flow, verdict)
            return
        if verdict.headers is not exchange.head.headers:
            flow.request.headers = http.Headers(verdict.headers)
        if verdict.body is not None:
            flow.request.raw_content = verdict.body
        if verdict.delay:
            await asyncio.sleep(verdict.delay)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """An answer's head: stream it on, or hold it where it is edited as a whole."""
        exchange: Exchange = flow.metadata[_EXCHANGE]
        response = flow.response
        assert response is not None
        fields = list(response.headers.fields)
        try:
            headers = exchange.respond(response.status_code, fields)
        except UpstreamError as error:
            flow.metadata[_DOCUMENT] = error
            return
        if headers is not fields:
            response.headers = http.Headers(headers)
        if exchange.document:
            flow.metadata[_DOCUMENT] = None
        else:
            response.stream = self._relay(exchange)

    def _relay(self, exchange: Exchange) -> Callable[[bytes], bytes]:
        def feed(chunk: bytes) -> bytes:
            # mitmproxy marks the end of the body by an empty chunk.
            out = exchange.feed(chunk) if chunk else exchange.end()
            exchange.observe(chunk)
            return out

        return feed

    def response(self, flow: http.HTTPFlow) -> None:
        """The whole answer has passed, or is here to be edited as a whole."""
        exchange: Exchange = flow.metadata[_EXCHANGE]
        outcome = Outcome()
        if _DOCUMENT in flow.metadata and _ANSWERED not in flow.metadata:
            outcome = self._edit(flow, exchange, flow.metadata[_DOCUMENT])
        self._sink.write(exchange.finish(outcome, self._clock()))

    def _edit(self, flow: http.HTTPFlow, exchange: Exchange, failed: UpstreamError | None) -> Outcome:
        assert flow.response is not None
        body = flow.response.raw_content or b""
        try:
            if failed is not None:
                raise failed
            edited = exchange.feed(body) + exchange.end()
            exchange.observe(body)
        except (UpstreamError, ValueError):
            # An enforced edit could not be carried out: unedited bytes must not leak (fail closed).
            error = UpstreamError("protocol", "unreadable answer", sent=True)
            self._answer(flow, exchange.upstream_error(error))
            return Outcome(finished=False, error="upstream_protocol")
        flow.response.raw_content = edited
        return Outcome()

    def error(self, flow: http.HTTPFlow) -> None:
        """The client left, or the model server broke off; mitmproxy tells the client."""
        exchange: Exchange | None = flow.metadata.get(_EXCHANGE)
        if exchange is not None:
            gone = flow.error is not None and "client" in flow.error.msg.lower()
            error = "client_gone" if gone else "upstream_closed"
            self._sink.write(exchange.finish(Outcome(finished=False, error=error), self._clock()))

    @staticmethod
    def _answer(flow: http.HTTPFlow, answer: Answer) -> None:
        headers: Headers = answer.headers
        flow.metadata[_ANSWERED] = True
        flow.response = http.Response.make(answer.status, answer.body, http.Headers(headers))


class Addon:
    """Reads the options, builds the gate when mitmproxy runs, and delegates to `Driver`."""

    def __init__(self) -> None:
        self._driver: Driver | None = None
        self._writer: Writer | None = None

    def load(self, loader: Any) -> None:
        """Declare the options."""
        loader.add_option("stillgate_config", str, "", "Stillgate settings file (default: built-in)")
        loader.add_option("stillgate_mode", str, "", "shadow or enforce; wins over the file")

    def running(self) -> None:
        """Build the gate from the options, now that all of them are known."""
        path = Path(ctx.options.stillgate_config) if ctx.options.stillgate_config else None
        mode: dict[str, JSON] = (
            {"policies.ceiling": ctx.options.stillgate_mode} if ctx.options.stillgate_mode else {}
        )
        config = load_config(path, mode)
        self._writer = Writer(config.record.decisions, content=config.record.content)
        self._driver = Driver(
            assemble(config, load_bundle(config.policies.path)),
            self._writer,
            deny_unknown=config.server.unknown_routes == "deny",
        )

    def done(self) -> None:
        """Write what waits."""
        if self._writer is not None:
            self._writer.close()

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """See `Driver`."""
        self._ready().requestheaders(flow)

    async def request(self, flow: http.HTTPFlow) -> None:
        """See `Driver`."""
        await self._ready().request(flow)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """See `Driver`."""
        self._ready().responseheaders(flow)

    def response(self, flow: http.HTTPFlow) -> None:
        """See `Driver`."""
        self._ready().response(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        """See `Driver`."""
        self._ready().error(flow)

    def _ready(self) -> Driver:
        assert self._driver is not None, "mitmproxy calls `running` before any flow"
        return self._driver


addons = [Addon()]

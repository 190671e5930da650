"""The mitmproxy addon: the same exchange, driven by mitmproxy's hooks.

    mitmdump --mode reverse:http://127.0.0.1:8000 -s path/to/gateway/adapters/mitm.py \\
        --set stillgate_config=config.yaml

mitmproxy owns the sockets; this file only carries bytes between its flows and `Exchange`. It needs the
extra `[mitmproxy]`, whose pins hold other packages back (docs/decisions/0003).

Policies are read anew when their directory changes, as `gateway.reload` says.

Two things are mitmproxy's and differ from the ASGI proxy: a request body is in memory before its size is
looked at, and the page that a client sees when the model server fails is mitmproxy's own. Something is
missing, too: mitmproxy's streams cannot wait, and this driver keeps and posts nothing, so that `shape`, `pin`
and `step_up` are recorded and not carried out; it says so when it starts.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from mitmproxy import ctx, http
from mitmproxy.connection import ConnectionState
from mitmproxy.exceptions import OptionsError

from gateway.actions.base import Action
from gateway.adapters.proof import load_proven, proven_files
from gateway.adapters.refusals import too_large, unknown_route
from gateway.assemble import reloader_of
from gateway.audit import Writer
from gateway.badge import badge
from gateway.config import load_config
from gateway.errors import CallError, ConfigError, Place, UpstreamError
from gateway.exchange import Answer, Exchange, Forward, Head
from gateway.gate import Gate, Headers
from gateway.metrics import Metrics
from gateway.model import JSON, Outcome
from gateway.policies.bundle import Bundle
from gateway.records import Record
from gateway.reload import Reloader
from gateway.watch import watch


class Sink(Protocol):
    """Where records go."""

    def write(self, record: Record) -> None: ...


class _Visit:
    """What this driver knows of one flow. No dataclass: mitmproxy loads scripts outside `sys.modules`."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.answer: Answer | None = None
        """Ours, in place of the model's."""
        self.outcome = Outcome()

    def relay(self, chunk: bytes) -> list[bytes]:
        """One piece of a streamed answer on its way; mitmproxy marks the end by an empty one."""
        if not self.outcome.finished:
            return []
        try:
            out = self.exchange.feed(chunk) if chunk else self.exchange.end()
        except ValueError:
            # An enforced edit could not be carried out: unedited bytes must not leak (fail closed).
            error = _unreadable()
            self.outcome = _failed(error)
            out = self.exchange.broken(error) or b""
        else:
            self.exchange.observe(chunk)
        # mitmproxy would write an empty piece as the chunk that ends a chunked body.
        return [out] if out else []


def _unreadable() -> UpstreamError:
    return UpstreamError("protocol", "unreadable answer", sent=True)


def _failed(error: UpstreamError) -> Outcome:
    return Outcome(finished=False, error=f"upstream_{error.kind}")


class Driver:
    """mitmproxy's hooks over the gate in use; clock and ids are arguments, as everywhere."""

    def __init__(
        self,
        gate: Callable[[], Gate],
        sink: Sink,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: secrets.token_hex(12),
        deny_unknown: bool = False,
    ) -> None:
        self._gate, self._sink, self._clock, self._new_id = gate, sink, clock, new_id
        self._deny_unknown = deny_unknown
        # Not in `flow.metadata`: that is written to flow files, which can hold plain values only.
        self._visits: WeakKeyDictionary[http.HTTPFlow, _Visit] = WeakKeyDictionary()

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """A request's head: what is not scored is streamed through unread."""
        fields = [(name.lower(), value) for name, value in flow.request.headers.fields]
        peer = flow.client_conn.peername
        head = Head(flow.request.method, flow.request.data.path, fields, peer[0] if peer else None)
        exchange = Exchange(self._gate(), head, self._new_id(), self._clock())
        self._visits[flow] = _Visit(exchange)
        if exchange.route is None:
            exchange.identify()
            flow.request.stream = not self._deny_unknown

    async def request(self, flow: http.HTTPFlow) -> None:
        """A whole request: score it, then refuse, wait, edit or let it go."""
        visit = self._visits[flow]
        exchange = visit.exchange
        if exchange.route is None:
            if self._deny_unknown:
                self._refuse(flow, visit, unknown_route())
            return
        body = flow.request.raw_content or b""
        if len(body) > exchange.gate.max_body:
            self._refuse(flow, visit, too_large(exchange.gate.max_body))
            return
        verdict = exchange.judge(body, self._clock())
        if isinstance(verdict, Answer):
            self._answer(flow, visit, verdict)
        else:
            await self._forward(flow, verdict, exchange.head.headers)
        asyncio.get_running_loop().call_soon(exchange.forwarded, self._clock())

    @staticmethod
    async def _forward(flow: http.HTTPFlow, verdict: Forward, headers: Headers) -> None:
        if verdict.headers is not headers:
            flow.request.headers = http.Headers(verdict.headers)
        if verdict.body is not None:
            flow.request.content = verdict.body
        if verdict.delay:
            # A client that leaves meanwhile is noticed by mitmproxy, which then forwards nothing.
            await asyncio.sleep(verdict.delay)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """An answer's head, ours or the model's."""
        visit = self._visits[flow]
        if visit.answer is None:
            self._begin(flow, visit)
        assert flow.response is not None
        for name, value in badge(visit.exchange.gate):
            flow.response.headers[name] = value

    def _begin(self, flow: http.HTTPFlow, visit: _Visit) -> None:
        """Stream the model's answer on, or hold it where it is edited as a whole."""
        response = flow.response
        assert response is not None
        fields = list(response.headers.fields)
        try:
            headers = visit.exchange.respond(response.status_code, fields)
        except UpstreamError as error:
            self._withhold(flow, visit, error)
            return
        if headers is not fields:
            response.headers = http.Headers(headers)
        if visit.exchange.document:
            return
        versions = (flow.request.http_version, response.http_version)
        framed = "transfer-encoding" in response.headers or versions != ("HTTP/1.1", "HTTP/1.1")
        if headers is not fields and not framed:
            # Without its length an answer would end where the connection does, cut off or not.
            response.headers["transfer-encoding"] = "chunked"
        response.stream = visit.relay

    def response(self, flow: http.HTTPFlow) -> None:
        """The whole answer has passed, or is here to be edited as a whole."""
        visit = self._visits.pop(flow)
        assert flow.response is not None
        if visit.answer is not None:
            flow.response.raw_content = visit.answer.body
        elif visit.exchange.document:
            self._edit(flow, visit)
        self._sink.write(visit.exchange.finish(visit.outcome, self._clock()))

    def _edit(self, flow: http.HTTPFlow, visit: _Visit) -> None:
        assert flow.response is not None
        body = flow.response.raw_content or b""
        try:
            edited = visit.exchange.feed(body)
            visit.exchange.observe(body)
            flow.response.content = edited + visit.exchange.end()
        except ValueError:
            # Fail closed, as above.
            error = _unreadable()
            visit.outcome = _failed(error)
            self._answer(flow, visit, visit.exchange.upstream_error(error))

    def error(self, flow: http.HTTPFlow) -> None:
        """The client left, or the model server broke off; mitmproxy tells the client."""
        visit = self._visits.pop(flow, None)
        if visit is None:
            return
        if _client_gone(flow):
            outcome = Outcome(finished=False, error="client_gone")
        else:
            reached = flow.server_conn.timestamp_tcp_setup is not None
            error = UpstreamError("closed" if reached else "connect", "", sent=reached)
            outcome = _failed(error)
            if flow.response is None or not flow.response.stream:
                # Nothing was sent on yet: mitmproxy answers 502, as the other drivers do.
                visit.exchange.upstream_error(error)
        self._sink.write(visit.exchange.finish(outcome, self._clock()))

    def _withhold(self, flow: http.HTTPFlow, visit: _Visit, error: UpstreamError) -> None:
        """Our error in place of an answer that must be edited and cannot be, of which nothing is kept."""
        visit.outcome = _failed(error)
        answer = visit.exchange.upstream_error(error)
        self._answer(flow, visit, answer)
        assert flow.response is not None
        rest = iter((answer.body,))
        flow.response.stream = lambda chunk: list(rest)

    def _refuse(self, flow: http.HTTPFlow, visit: _Visit, error: CallError) -> None:
        self._answer(flow, visit, visit.exchange.call_error(error))

    @staticmethod
    def _answer(flow: http.HTTPFlow, visit: _Visit, answer: Answer) -> None:
        visit.answer = answer
        headers = http.Headers([*answer.headers, *badge(visit.exchange.gate)])
        flow.response = http.Response.make(answer.status, answer.body, headers)


def _missing(bundle: Bundle) -> list[str]:
    """The responses of these policies that need a driver which waits, keeps answers, or posts."""
    ladders = (bundle.ladder, *(tenant.ladder for tenant in bundle.tenants))
    actions = {
        action.name: type(action)
        for each in ladders
        for rung in each.rungs
        for action in rung.actions.values()
    }
    return sorted(
        name
        for name, kind in actions.items()
        if kind.task is not Action.task or kind.notice is not Action.notice
    )


def _client_gone(flow: http.HTTPFlow) -> bool:
    """Whether it was the client that ended this flow: its connection, or its stream in HTTP/2."""
    said = flow.error is not None and "client" in flow.error.msg.lower()
    return said or not flow.client_conn.state & ConnectionState.CAN_READ


class Addon:
    """Reads the options, builds the gate before mitmproxy listens, and delegates to `Driver`."""

    def __init__(self) -> None:
        self._driver: Driver | None = None
        self._writer: Writer | None = None
        self._reloader: Reloader | None = None
        self._watch = False
        self._watching: asyncio.Future[None] | None = None

    def load(self, loader: Any) -> None:
        """Declare the options."""
        loader.add_option("stillgate_config", str, "", "Stillgate settings file (default: built-in)")
        loader.add_option("stillgate_mode", str, "", "shadow or enforce; wins over the file")

    def configure(self, updated: set[str]) -> None:
        """Build the gate from the options. A mistake in them ends mitmproxy: nothing passes unscored."""
        if not updated & {"stillgate_config", "stillgate_mode", "stream_large_bodies"}:
            return
        if self._reloader is not None:
            raise OptionsError("restart mitmproxy to change the options of Stillgate")
        try:
            self._build()
        except ConfigError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(2)
        # Eagerly, a model server that is down would end connections before there is a flow to record.
        ctx.options.update(connection_strategy="lazy")

    def _build(self) -> None:
        if ctx.options.stream_large_bodies:
            place = Place("stream_large_bodies")
            raise ConfigError.at(place, "large requests would pass unscored: leave this option unset")
        path = Path(ctx.options.stillgate_config) if ctx.options.stillgate_config else None
        mode: dict[str, JSON] = (
            {"policies.ceiling": ctx.options.stillgate_mode} if ctx.options.stillgate_mode else {}
        )
        config = load_config(path, mode)
        # Nobody asks this process for its metrics; the log says how reloads end.
        self._reloader = reloader = reloader_of(config, Metrics(), load_proven, proven_files)
        if missing := _missing(reloader.bundle):
            sys.stderr.write(f"not carried out under mitmproxy, only recorded: {', '.join(missing)}\n")
        self._watch = config.policies.reload.watch
        self._writer = Writer(config.record.decisions, content=config.record.content)
        deny_unknown = config.server.unknown_routes == "deny"
        self._driver = Driver(lambda: reloader.gate, self._writer, deny_unknown=deny_unknown)

    def running(self) -> None:
        """From now on there is a loop in which the policies can be watched."""
        if self._reloader is not None and self._watch:
            self._watching = asyncio.ensure_future(watch(self._reloader))

    def done(self) -> None:
        """Watch no longer, and write what waits."""
        if self._watching is not None:
            self._watching.cancel()
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
        assert self._driver is not None, "mitmproxy calls `configure` before any flow"
        return self._driver


addons = [Addon()]

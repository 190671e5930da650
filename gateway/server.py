"""One gateway process: build the parts from settings, listen, drain, stop.

Two uvicorn servers share one loop: the proxy on the data path, the admin application on a second port.
Signals are handled here, because what must happen first at SIGTERM is that readiness turns 503.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from gateway import demo
from gateway.adapters.asgi import Parts, Proxy
from gateway.adapters.pins import Pins
from gateway.adapters.proof import load_proven, proven_files
from gateway.admin.app import admin_app
from gateway.allocator import settle
from gateway.assemble import reloader_of
from gateway.audit import Writer
from gateway.campaigns.operations import Group
from gateway.config import Config
from gateway.desk import Desk
from gateway.errors import ConfigError, Place
from gateway.metrics import Metrics
from gateway.model import JSON
from gateway.notices import Notices
from gateway.policies.bundle import Bundle
from gateway.reload import Reloader
from gateway.upstream.base import Timeouts, Upstream
from gateway.upstream.origin import Tls
from gateway.upstream.pool import Pool
from gateway.watch import watching

WEEK = 7 * 86400.0
"""Seconds over which the listing of campaigns counts."""
CUTTING = 5.0
"""Seconds in which requests that were cut off must leave their records."""
KEEP_ALIVE = 75
"""Seconds an idle client connection stays open: longer than SDK pools keep theirs, so they close first."""


class HttpServer(uvicorn.Server):
    """A uvicorn server that leaves signals to this module."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Status:
    """What the admin listener may show; changed by the server only."""

    def __init__(self, reloader: Reloader, ceiling: str) -> None:
        self._reloader = reloader
        self.ceiling = ceiling
        self.draining = False

    @property
    def ready(self) -> bool:
        """Whether new requests are welcome."""
        return not self.draining

    @property
    def bundle(self) -> str:
        """Hash of the policies in use."""
        return self._reloader.bundle.hash

    @property
    def gen(self) -> int:
        """Counts the bundles that this process has put to use."""
        return self._reloader.gate.gen

    @property
    def summary(self) -> str:
        """The policies in one line for people."""
        return self._reloader.bundle.summary

    @property
    def campaigns(self) -> JSON:
        """The groups of principals that are linked, with the evidence."""
        return [
            {
                "id": group.id,
                "first": round(group.first, 3),
                "last": round(group.last, 3),
                "numbers": {name: round(value, 3) for name, value in group.numbers.items()},
                "shared": list(group.shared),
                "evidence": group.text,
                "principals": list(group.members),
            }
            for group in self._groups()
        ]

    def count(self, metrics: Metrics) -> None:
        """Let the metrics ask how many groups there are."""
        metrics.campaigns(
            lambda: sum(1 for _ in self._groups()),
            lambda: sum(len(group.members) for group in self._groups()),
        )

    def _groups(self) -> Iterator[Group]:
        return self._reloader.gate.store.campaigns(WEEK, time.time())

    @property
    def reload(self) -> JSON:
        """How the policy directory was read last."""
        return self._reloader.last.document()

    @property
    def degraded(self) -> str | None:
        """Set while the policy directory is broken."""
        last = self._reloader.last
        return last.sentence() if last.result == "failed" else None


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, UnicodeError) as error:
        # UnicodeError: a host that cannot be a name ("idna").
        listener.close()
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ConfigError.at(Place(_address(host, port)), f"cannot listen here: {reason.lower()}") from None
    listener.setblocking(False)
    return listener


def _address(host: str, port: int) -> str:
    """Host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def http_server(app: Any, drain: float, limit: int | None = None) -> HttpServer:
    """A server for `app` that adds no header, trusts no header, and waits `drain` seconds for streams.

    More than `limit` connections at once are answered 503.
    """
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="none",
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(drain)),
        backlog=2048,
        # uvicorn counts the new connection among those that are there, and refuses at the limit itself.
        limit_concurrency=None if limit is None else limit + 1,
    )
    return HttpServer(config)


def _client(config: Config, url: str) -> Upstream:
    """The client that the settings ask for."""
    upstream = config.upstream
    timeouts = Timeouts(upstream.connect_timeout, upstream.first_byte_timeout, upstream.idle_timeout)
    tls = Tls(ca_file=upstream.ca_file, verify=upstream.verify)
    most = upstream.max_connections
    try:
        if upstream.backend == "own":
            return Pool(url, timeouts, max_connections=most, tls=tls)
        # An optional package (docs/decisions/0014).
        from gateway.upstream.httpx2_backend import Httpx2

        proxy = None if upstream.proxy is None else upstream.proxy.get_secret_value()
        return Httpx2(url, timeouts, max_connections=most, tls=tls, http2=upstream.http2, proxy=proxy)
    except OSError as error:
        # Of all that a pool is made of only this is a file.
        message = f"cannot be used as upstream.ca_file: {error.strerror or error}"
        raise ConfigError.at(Place(str(upstream.ca_file)), message) from None


@asynccontextmanager
async def _upstream(config: Config) -> AsyncIterator[Upstream]:
    """The client of the model server; without a url the built-in demo, on a loopback port of its own."""
    if config.upstream.url is not None:
        async with contextlib.aclosing(_client(config, config.upstream.url)) as client:
            yield client
        return
    listener = listen("127.0.0.1", 0)
    server = http_server(demo.app, 1)
    serving = asyncio.ensure_future(server.serve([listener]))
    port = listener.getsockname()[1]
    try:
        async with contextlib.aclosing(_client(config, f"http://127.0.0.1:{port}")) as client:
            yield client
    finally:
        server.should_exit = True
        await serving


async def _run(
    config: Config, listeners: tuple[socket.socket, socket.socket], reloader: Reloader, metrics: Metrics
) -> None:
    status = Status(reloader, config.policies.ceiling)
    status.count(metrics)
    triggers = config.policies.reload
    asked = asyncio.Event()
    writer = Writer(config.record.decisions, content=config.record.content, dropped=metrics.record_dropped)
    try:
        secret = config.webhook.secret
        key = None if secret is None else secret.get_secret_value().encode()
        notices = Notices(key, time.time, metrics.step_up)
        async with _upstream(config) as upstream, notices.running():
            parts = Parts(
                gate=lambda: reloader.gate,
                upstream=upstream,
                sink=writer,
                metrics=metrics,
                clock=time.time,
                new_id=lambda: secrets.token_hex(12),
                deny_unknown=config.server.unknown_routes == "deny",
                notices=notices,
                pins=Pins(config.store.pinned, time.time, metrics.pinned),
            )
            proxy = http_server(Proxy(parts), config.server.drain, config.server.max_connections)
            reload_policies = reloader.reload if triggers.endpoint else None
            desk = Desk(lambda: reloader.gate, time.time, config.record.interventions, metrics)
            admin = http_server(admin_app(config, status, metrics, reload_policies, desk), 1)
            _obey_signals(proxy, status, (writer.reopen, asked.set) if triggers.sighup else (writer.reopen,))
            # Only now, as nothing is left that could keep the process from serving.
            addresses = [_address(*listener.getsockname()[:2]) for listener in listeners]
            print(announce(config, reloader.bundle, *addresses), file=sys.stderr, flush=True)  # noqa: T201
            async with watching(reloader, directory=triggers.watch, asked=asked):
                await _serve_both(proxy, admin, listeners)
    finally:
        writer.close()


def _obey_signals(proxy: HttpServer, status: Status, hang_up: Sequence[Callable[[], None]]) -> None:
    """SIGTERM and SIGINT: drain, and at the second one stop; SIGHUP: a new file for records, policies."""

    def stop() -> None:
        if status.draining:
            proxy.force_exit = True
        status.draining = True
        proxy.should_exit = True

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGINT, stop)
    loop.add_signal_handler(signal.SIGHUP, lambda: [step() for step in hang_up])


async def _serve_both(
    proxy: HttpServer, admin: HttpServer, listeners: tuple[socket.socket, socket.socket]
) -> None:
    serving = asyncio.ensure_future(admin.serve([listeners[1]]))
    try:
        await proxy.serve([listeners[0]])
        await _cut(proxy)
    finally:
        # The admin listener outlives the proxy, so that probes see the draining.
        admin.should_exit = True
        await serving


async def _cut(server: HttpServer) -> None:
    """End what is still being served, so that it leaves its record before the file is closed."""
    tasks = list(server.server_state.tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CUTTING)


def announce(config: Config, bundle: Bundle, proxy: str, admin: str) -> str:
    """What a person reads at start: where, in front of what, in which mode, and a line to try."""
    upstream = config.upstream.url or "the built-in demo upstream (scripted answers)"
    curl = (
        f"curl -s http://{proxy}/v1/chat/completions -H 'authorization: Bearer demo' "
        """-H 'content-type: application/json' -d '{"model": "demo", "messages": """
        """[{"role": "user", "content": "Hello"}]}'"""
    )
    return (
        f"gateway on http://{proxy} in front of {upstream}, admin on http://{admin}\n"
        f"policies {bundle.hash} ({bundle.summary}), ceiling: {config.policies.ceiling}\n"
        f"try: {curl}"
    )


def serve(config: Config) -> None:
    """Run until SIGTERM or SIGINT. Raises ConfigError when it cannot start."""
    metrics = Metrics()
    reloader = reloader_of(config, metrics, load_proven, proven_files)
    settle()
    listeners = (
        listen(config.server.host, config.server.port),
        listen(config.admin.host, config.admin.port),
    )
    with contextlib.ExitStack() as stack:
        for listener in listeners:
            stack.enter_context(listener)
        uvloop_run(_run(config, listeners, reloader, metrics))


def uvloop_run(main: Any) -> None:
    """`asyncio.run` on uvloop, which halves the cost of a socket event."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)

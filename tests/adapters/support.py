"""A real gateway on loopback, in front of whatever a test starts, and a client that sees raw bytes."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.adapters.asgi import Parts, Proxy
from gateway.config import load_config
from gateway.gate import Gate
from gateway.identity import Identifier
from gateway.metrics import Metrics
from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.records import Record
from gateway.server import http_server, listen
from gateway.stores.memory import MemoryStore
from gateway.testing import RawServer, read_request
from gateway.upstream.base import Timeouts
from gateway.upstream.pool import Pool
from tests.support import bundle, policy

SECRET = b"a secret for the tests, 32 bytes"
POINTS = "signals: {{all: {{request: {{request.stream: {{exists: {}}}}}, points: {}}}}}"
PATIENCE = Timeouts(10.0, 60.0, 60.0)


def always(points: float) -> Bundle:
    """Policies that give every scored call so many points."""
    return bundle(policy(POINTS.format("true" if points else "false", points or 1)))


@dataclass
class Running:
    """A gateway that runs: where, and what it wrote down."""

    port: int
    pool: Pool
    metrics: Metrics
    records: list[Record] = field(default_factory=list)

    def write(self, record: Record) -> None:
        """The sink."""
        self.records.append(record)

    async def recorded(self, count: int = 1) -> list[Record]:
        """Wait until `count` records are there."""
        while len(self.records) < count:  # noqa: ASYNC110  the sink is called, it cannot wait
            await asyncio.sleep(0.005)
        return self.records


@asynccontextmanager
async def gateway(
    upstream: str,
    policies: Bundle | None = None,
    ceiling: Mode = Mode.SHADOW,
    *,
    timeouts: Timeouts = PATIENCE,
    max_body: int = 1 << 20,
    deny_unknown: bool = False,
    connections: int = 8,
    clock: Callable[[], float] = lambda: 0.0,
    new_id: Callable[[], str] | None = None,
    gates: Callable[[], Gate] | None = None,
    parts: Mapping[str, Any] | None = None,
) -> AsyncIterator[Running]:
    """Run the proxy in this loop, with its real server and its real upstream leg.

    `gates` gives each call its gate, in the place of one made of the other options; `parts` replaces
    some of `Parts`.
    """
    identity = load_config(None, {"identity.end_user": False}).identity
    gate = Gate(
        policies or always(0), ceiling, MemoryStore(100), Identifier(identity, SECRET), max_body=max_body
    )
    numbers = itertools.count(1)
    listener = listen("127.0.0.1", 0)
    async with aclosing(Pool(upstream, timeouts, max_connections=connections)) as pool:
        running = Running(listener.getsockname()[1], pool, Metrics())
        made = Parts(
            gate=gates or (lambda: gate),
            upstream=pool,
            sink=running,
            metrics=running.metrics,
            clock=clock,
            new_id=new_id or (lambda: f"id-{next(numbers)}"),
            deny_unknown=deny_unknown,
        )
        made = replace(made, **(parts or {}))
        async with _serving(Proxy(made), listener):
            yield running


@asynccontextmanager
async def _serving(app: Proxy, listener: socket.socket) -> AsyncIterator[None]:
    server = http_server(app, 1)
    serving = asyncio.ensure_future(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110  uvicorn sets a flag, not an event
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        await serving
        listener.close()


@dataclass(frozen=True)
class Seen:
    """An answer, parsed no further than its framing."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    complete: bool

    def get(self, name: bytes) -> bytes | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


async def read_head(reader: asyncio.StreamReader) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Status and fields (names in lower case) of an answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head[:-4].split(b"\r\n")
    pairs = [line.partition(b": ") for line in lines]
    return int(first.split()[1]), [(name.lower(), value) for name, _, value in pairs]


async def read_chunk(reader: asyncio.StreamReader) -> bytes:
    """One chunk of a chunked body; empty at its end."""
    size = int(await reader.readuntil(b"\r\n"), 16)
    return (await reader.readexactly(size + 2))[:-2]


async def read_answer(reader: asyncio.StreamReader, method: str = "POST") -> Seen:
    """One whole answer, and whether it was complete."""
    status, headers = await read_head(reader)
    fields = dict(headers)
    body = b""
    try:
        if method == "HEAD" or status in (204, 304):
            pass
        elif fields.get(b"transfer-encoding") == b"chunked":
            while chunk := await read_chunk(reader):
                body += chunk
        elif b"content-length" in fields:
            body = await reader.readexactly(int(fields[b"content-length"]))
        else:
            body = await reader.read()
    except asyncio.IncompleteReadError as error:
        return Seen(status, headers, body + error.partial, complete=False)
    return Seen(status, headers, body, complete=True)


def request_bytes(
    body: bytes,
    path: str = "/v1/chat/completions",
    *,
    method: str = "POST",
    headers: tuple[tuple[str, str], ...] = (("authorization", "Bearer sk-test"),),
) -> bytes:
    """A request as it goes over the wire."""
    fields = [("host", "gateway"), ("content-length", str(len(body))), *headers]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def ask(port: int, request: bytes, method: str = "POST") -> Seen:
    """Send a request on a connection of its own and read the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await read_answer(reader, method)
    finally:
        writer.close()
        await writer.wait_closed()


def chat_bytes(**fields: Any) -> bytes:
    """A chat body."""
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}).encode()


class Replying:
    """A raw upstream that records what it is sent and answers each request with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The script of one connection."""
        while request := await read_request(reader):
            self.requests.append(request)
            writer.write(self.answer)
            await writer.drain()


def json_answer(value: Any, status: str = "200 OK") -> bytes:
    """A JSON answer as a server sends it."""
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def pair(
    script: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    policies: Bundle | None = None,
    ceiling: Mode = Mode.SHADOW,
    **options: Any,
) -> AsyncIterator[Running]:
    """A gateway in front of a raw scripted upstream."""
    async with RawServer(script) as upstream, gateway(upstream.url, policies, ceiling, **options) as running:
        yield running

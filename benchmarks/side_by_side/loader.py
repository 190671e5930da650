"""The load generator: one process, raw callbacks on uvloop, one measured window.

    python -m benchmarks.side_by_side.loader < job.json > sample.json

What happens before the window warms up, what happens behind it is not counted. The processor clocks of the
measured processes are read here, at both ends of the window, so that nothing else needs the same time.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections import deque
from time import perf_counter
from typing import Any, cast

import msgspec
import uvloop

from benchmarks.side_by_side import traffic
from benchmarks.side_by_side.processes import cpu_seconds
from benchmarks.side_by_side.scenarios import Scenario

_STAMP = re.compile(rb"%b(\d{%d})" % (traffic.MARK, traffic.STAMP))
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_END = b"0\r\n\r\n"
_SHOWN = 300
_SETTLED = 0.5
"""Seconds between the last connection's beginning and the window."""
_PATIENCE = 8.0
"""Seconds to wait for every connection's first answer; a target that cannot serve them all is measured so."""
"""Characters of a failure that are kept."""


class Job(msgspec.Struct, kw_only=True):
    """What to send where, for how long, and whose processor time to read (process ids)."""

    scenario: Scenario
    port: int
    seconds: float
    first: int = 0
    """Number of the first prompt: no prompt comes twice in a run."""
    key: str = ""
    """The one key that the target accepts; empty for many."""
    headers: tuple[tuple[str, str], ...] = ()
    rate: float = 0.0
    """In place of the scenario's, for a target that cannot bear that."""
    pids: tuple[int, ...] = ()
    others: tuple[int, ...] = ()
    """Processes of the model server."""


class Seen(msgspec.Struct, kw_only=True):
    """What one window showed; times in seconds."""

    seconds: float = 0.0
    requests: int = 0
    chunks: int = 0
    errors: int = 0
    error: str = ""
    cpu: float = 0.0
    others: float = 0.0
    own: float = 0.0
    latency: tuple[float, float] | None = None
    """Median and 99th percentile from asking (open loop: from when it was due) to the last byte."""
    first: float | None = None
    """Median from asking to the first event."""
    delay: tuple[float, float] | None = None
    """Median and 99th percentile of events on their way."""


class Client(asyncio.Protocol):
    """One connection with at most one request."""

    __slots__ = (
        "_begun", "_chunked", "_head", "_left", "_load", "_tail", "asked", "events", "transport",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, load: Load) -> None:
        self._load = load
        self._head: bytes | None = b""
        self._chunked = False
        self._left = 0
        self._tail = b""
        self.asked = 0.0
        self.events = 0
        self._begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to ask."""
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, due: float) -> None:
        """Send a request that was due at this time."""
        self.asked = due
        self.events = 0
        self._head = b""
        self.transport.write(self._load.request())

    def data_received(self, data: bytes) -> None:
        """Some of an answer."""
        if self._head is not None:
            data = self._head + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._head = data
                return
            self._head = None
            head, data = data[:end], data[end + 4 :]
            if head[9:12] != b"200":
                self._fail(head + b" ... " + data)
                return
            length = _LENGTH.search(head)
            self._chunked = length is None
            self._left = int(length[1]) if length else 0
            self._tail = b""
            if not self._begun:
                self._begun = True
                self._load.began()
        if traffic.MARK in data:
            self._load.arrived(self, data)
        if self._chunked:
            self._tail = data if len(data) >= len(_END) else (self._tail + data)[-len(_END) :]
            over = self._tail.endswith(_END)
        else:
            self._left -= len(data)
            over = self._left <= 0
        if over:
            self._load.answered(self)

    def connection_lost(self, error: Exception | None) -> None:
        """The target closed."""
        self._fail(f"the connection was closed: {error}".encode())

    def _fail(self, what: bytes) -> None:
        self.transport.abort()
        self._load.failed(self, what)


class Load:
    """A scenario while it runs."""

    def __init__(self, job: Job) -> None:
        self.scenario = job.scenario
        self.job = job
        self.seen = Seen()
        self.rate = job.rate or self.scenario.rate
        self._bodies = traffic.bodies(
            self.scenario.events or 90, self.scenario.pace, stream=self.scenario.stream
        )
        size = sum(map(len, self._bodies[0])) + traffic.COUNTER
        keys = [job.key] if job.key else [traffic.key(number) for number in range(traffic.KEYS)]
        self._heads = [traffic.head(f"127.0.0.1:{job.port}", key, size, job.headers) for key in keys]
        self._number = job.first
        self._beginning = self.scenario.connections
        self._all = asyncio.Event()
        self._open = False
        self._over = False
        self._latencies: list[float] = []
        self._firsts: list[float] = []
        self._delays: list[float] = []
        self._idle: list[Client] = []
        self._late: deque[float] = deque()
        """When requests were due that found no free connection."""

    def request(self) -> bytes:
        """The next request."""
        number = self._number = self._number + 1
        before, after = self._bodies[number % traffic.PROMPTS]
        return b"".join((self._heads[number % len(self._heads)], before, b"%08d" % number, after))

    # --- called by connections --------------------------------------------------------------------------

    def began(self) -> None:
        """A connection has its first answer."""
        self._beginning -= 1
        if not self._beginning:
            self._all.set()

    def arrived(self, client: Client, data: bytes) -> None:
        """Events have come."""
        now = perf_counter()
        count = data.count(traffic.MARK)
        if not client.events and self._open:
            self._firsts.append(now - client.asked)
        client.events += count
        if not self._open:
            return
        self.seen.chunks += count
        if self.scenario.pace:
            self._delays += [now - int(stamp) / 1e6 for stamp in _STAMP.findall(data)]

    def answered(self, client: Client) -> None:
        """An answer is whole."""
        if self._open:
            self.seen.requests += 1
            self._latencies.append(perf_counter() - client.asked)
        if client.events != self.scenario.events:
            self.failed(client, f"{client.events} events came of {self.scenario.events}".encode())
        elif self._over:
            return
        elif not self.rate:
            client.ask(perf_counter())
        elif self._late:
            client.ask(self._late.popleft())
        else:
            self._idle.append(client)

    def failed(self, client: Client, what: bytes) -> None:
        """An answer was none."""
        if self._over:
            return
        self.seen.errors += 1
        self.seen.error = self.seen.error or what.decode("latin-1")[:_SHOWN]

    # --- the course of a measurement --------------------------------------------------------------------

    async def run(self) -> Seen:
        """Connect, warm up, measure, stop."""
        loop = asyncio.get_running_loop()
        clients = []
        for _ in range(self.scenario.connections):
            _, client = await loop.create_connection(lambda: Client(self), "127.0.0.1", self.job.port)
            clients.append(client)
        asking = asyncio.ensure_future(self._by_rate(clients) if self.rate else self._each(clients))
        await self._settled()
        before = self._clocks()
        began = perf_counter()
        self._open = True
        await asyncio.sleep(self.job.seconds)
        self._open = False
        self.seen.seconds = perf_counter() - began
        after = self._clocks()
        self._over = True
        asking.cancel()
        for client in clients:
            client.transport.abort()
        spent = [later - earlier for earlier, later in zip(before, after, strict=True)]
        return self._summary(*spent)

    def _clocks(self) -> list[float]:
        sums = [sum(map(cpu_seconds, pids)) for pids in (self.job.pids, self.job.others)]
        return [*sums, cpu_seconds(0)]

    def _summary(self, cpu: float, others: float, own: float) -> Seen:
        seen = self.seen
        seen.cpu, seen.others, seen.own = cpu, others, own
        seen.latency = _two(self._latencies)
        seen.delay = _two(self._delays)
        first = _two(self._firsts)
        seen.first = first and first[0]
        return seen

    async def _settled(self) -> None:
        """Return when the load is what it should be."""
        if not self.rate:  # an open loop uses as many connections as it needs
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all.wait(), self.scenario.ramp + _PATIENCE)
        await asyncio.sleep(_SETTLED)

    async def _each(self, clients: list[Client]) -> None:
        """Let all connections begin."""
        gap = self.scenario.ramp / len(clients)
        for client in clients:
            client.ask(perf_counter())
            await asyncio.sleep(gap)

    async def _by_rate(self, clients: list[Client]) -> None:
        """Ask when it is time, whether or not earlier answers have come."""
        self._idle += clients
        due = perf_counter()
        while True:
            due += 1 / self.rate
            await asyncio.sleep(max(0.0, due - perf_counter()))
            if self._idle:
                self._idle.pop().ask(due)
            else:
                self._late.append(due)


def _two(values: list[float]) -> tuple[float, float] | None:
    if not values:
        return None
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def main() -> None:
    """Read a job, write what was seen."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_run(job))))


async def _run(job: Job) -> Any:
    return await Load(job).run()


if __name__ == "__main__":
    main()

"""Policies change while calls are served: nothing fails, nothing is lost, and each call keeps its bundle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.records import Record
from gateway.reload import Reloader
from gateway.testing import RawServer, read_request
from gateway.upstream.base import Timeouts
from tests.adapters.support import ask, chat_bytes, gateway, json_answer, read_chunk, read_head, request_bytes
from tests.adapters.wire import ANSWER, SSE, chunk, event, run
from tests.reloads import BROKEN, House, rules
from tests.test_metrics import samples

RELOADS = 200
CLIENTS = 4


class ModelServer:
    """Answers chats at once, and streams for as long as a test wants."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The script of one connection."""
        while request := await read_request(reader):
            if b'"stream": true' not in request:
                writer.write(json_answer(ANSWER))
                continue
            writer.write(SSE + chunk(event("one")))
            await self.go_on.wait()
            writer.write(chunk(event("two")) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")


class Clients:
    """People who ask again and again, until they are told to stop."""

    def __init__(self, port: int) -> None:
        self.enough = False
        self._tasks = [asyncio.ensure_future(self._run(port)) for _ in range(CLIENTS)]

    async def _run(self, port: int) -> int:
        sent = 0
        while not self.enough:
            seen = await ask(port, request_bytes(chat_bytes()))
            assert (seen.status, seen.complete, seen.json()) == (200, True, ANSWER)
            sent += 1
        return sent

    async def stop(self) -> int:
        """How many calls were answered."""
        self.enough = True
        return sum(await asyncio.gather(*self._tasks))


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The rest of a chunked body."""
    while data := await read_chunk(reader):
        yield data


async def reload_often(house: House, reloader: Reloader) -> dict[int, tuple[str, float]]:
    """200 reloads, every third of a broken directory; returns what stood for each generation."""
    published = {1: (reloader.bundle.hash, 1.0)}
    for number in range(RELOADS):
        points = 2 + number / 1000
        broken = number % 3 == 0
        house.write(BROKEN if broken else rules(points))
        outcome = await reloader.reload()
        assert outcome.result == ("failed" if broken else "published")
        if not broken:
            published[outcome.gen] = (outcome.bundle, points)
    return published


PATIENT = Timeouts(None, None, None)
"""One stream stays silent while all reloads happen, however long they take here."""


def agrees(records: list[Record], published: dict[int, tuple[str, float]]) -> None:
    """Each record is of one bundle in all its parts, and every call was counted once."""
    counts = []
    for record in records:
        assert record.gen is not None
        hash_, points = published[record.gen]
        signals = {signal.id: signal for signal in record.signals}
        assert (record.bundle, signals["probe.all"].points) == (hash_, points)
        assert signals["probe.all"].text == f"{points} points"
        counts.append(signals["probe.calls"].value)
    assert sorted(counts) == list(range(1, len(records) + 1))


def test_reloads_under_load_fail_no_call_lose_no_count_and_mix_no_bundles(tmp_path: Path) -> None:
    async def main() -> None:
        house = House(tmp_path).write(rules(1.0))
        reloader = house.start()
        upstream = ModelServer()
        async with (
            RawServer(upstream) as server,
            gateway(server.url, gates=lambda: reloader.gate, timeouts=PATIENT) as running,
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(request_bytes(chat_bytes(stream=True)))
            assert (await read_head(reader))[0] == 200
            assert await read_chunk(reader) == event("one")
            clients = Clients(running.port)
            published = await reload_often(house, reloader)
            sent = await clients.stop() + 1
            upstream.go_on.set()
            rest = b"".join([data async for data in chunks(reader)])
            assert rest == event("two") + b"data: [DONE]\n\n"
            records = await running.recorded(sent)
            writer.close()
        assert (len(records), len(published)) == (sent, 1 + RELOADS - len(range(0, RELOADS, 3)))
        assert {(record.status, record.finished, record.unscored) for record in records} == {
            (200, True, None)
        }
        agrees(records, published)
        assert records[-1].stream
        assert records[-1].gen == 1
        assert len({record.gen for record in records}) > 2
        found = samples(house.metrics)
        assert found["gateway_policy_reload_failures_total",] == len(range(0, RELOADS, 3))

    run(main())

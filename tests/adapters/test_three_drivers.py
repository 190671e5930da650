"""Three drivers, one engine: the proxy, the replay and the mitmproxy addon write the same records.

The same traffic goes through all three under one clock. What is compared are the lines as they stand in
decision files, field by field; left out are only:

- `overhead_us`: time measured by the wall clock, and only by the proxy;
- `end_user`, its hash and not whether there is one, for replay: live drivers hash under the secret of
  the process, which replay does not have.

Broken JSON and methods other than POST cannot stand in a traffic file, so they are compared live only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway import cli
from gateway.model import Mode
from gateway.policies.load import load_bundle
from gateway.records import to_json
from gateway.testing import RawServer, read_request
from tests.adapters.mitm_process import scripted
from tests.adapters.support import Seen, ask, gateway
from tests.adapters.timetable import Timetable
from tests.adapters.traffic_cases import Case, cases, write_policies
from tests.adapters.wire import run

CEILINGS = [Mode.SHADOW, Mode.ENFORCE]
Records = list[dict[str, Any]]


class Upstream:
    """Answers each case as written, and keeps what reached it: bodies by case."""

    def __init__(self, known: Sequence[Case]) -> None:
        self._answers = {case.name.encode(): case.answer for case in known}
        self.bodies: dict[str, bytes] = {}

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The script of one connection."""
        while request := await read_request(reader):
            head, _, body = request.partition(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
            name = fields[b"x-case"]
            self.bodies[name.decode()] = body
            writer.write(self._answers[name])
            await writer.drain()


class Live:
    """What a live driver made of the traffic."""

    def __init__(self, known: Sequence[Case]) -> None:
        self.upstream = Upstream(known)
        self.seen: list[Seen] = []
        self.records: Records = []

    async def send(self, known: Sequence[Case], port: int, recorded: Recorded) -> None:
        """All cases one after another, each recorded before the next is sent."""
        for number, case in enumerate(known, 1):
            self.seen.append(await ask(port, case.request()))
            self.records = await recorded(number)


Recorded = Callable[[int], Awaitable[Records]]


async def _through_the_proxy(
    known: Sequence[Case], times: list[float], policies: Path, ceiling: Mode
) -> Live:
    live, turns = Live(known), Timetable(times)
    async with (
        RawServer(live.upstream) as upstream,
        gateway(upstream.url, load_bundle(policies), ceiling, clock=turns, new_id=turns.new_id) as running,
    ):

        async def recorded(count: int) -> Records:
            found = await running.recorded(count)
            return [json.loads(to_json(record, "features")) for record in found]

        await live.send(known, running.port, recorded)
    return live


async def _through_mitmproxy(
    known: Sequence[Case], times: list[float], policies: Path, ceiling: Mode, home: Path
) -> Live:
    live = Live(known)
    async with (
        RawServer(live.upstream) as upstream,
        scripted(upstream.url, policies, ceiling, home, times=times) as mitm,
    ):
        await live.send(known, mitm.port, mitm.recorded)
    return live


def _replayed(
    known: Sequence[Case], times: list[float], policies: Path, ceiling: Mode, home: Path, live: Records
) -> Records:
    """`gateway replay` over the same traffic; who sent it, the proxy has said."""
    names = ("principal", "kind", "org", "tier")
    lines = [
        case.line(ts, {name: record[name] for name in names})
        for case, ts, record in zip(known, times, live, strict=True)
    ]
    (home / "traffic.jsonl").write_bytes(b"".join(lines))
    words = ["replay", str(home / "traffic.jsonl"), "--policies", str(policies), "-o", "json", "--quiet"]
    words += ["--mode", ceiling.name.lower(), "--records", str(home / "records.jsonl")]
    assert cli.main(words) == 0
    return [json.loads(line) for line in (home / "records.jsonl").read_bytes().splitlines()]


def _comparable(records: Records, *, hashed: bool = True) -> Records:
    return [
        {name: value for name, value in record.items() if name != "overhead_us"}
        | ({} if hashed else {"end_user": record["end_user"] is not None})
        for record in records
    ]


@pytest.mark.parametrize("ceiling", CEILINGS)
def test_three_drivers_write_the_same_records(
    ceiling: Mode, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    known = cases()
    times = [1_750_000_000 + 2.25 * number for number in range(len(known))]
    policies = write_policies(tmp_path / "policies")

    async def main() -> None:
        proxy = await _through_the_proxy(known, times, policies, ceiling)
        mitm = await _through_mitmproxy(known, times, policies, ceiling, tmp_path / "mitm")
        replayed = _replayed(known, times, policies, ceiling, tmp_path, proxy.records)
        for case, one, two in zip(known, _comparable(proxy.records), _comparable(mitm.records), strict=True):
            assert two == one, f"mitmproxy at {case.name}"
        for case, one, two in zip(
            known,
            _comparable(proxy.records, hashed=False),
            _comparable(replayed, hashed=False),
            strict=True,
        ):
            assert two == one, f"replay at {case.name}"
        _see_the_same(known, proxy, mitm, ceiling)
        _covers(proxy.records, ceiling)

    run(main())
    report = json.loads(capsysbinary.readouterr().out)
    assert report["requests"] == len(known)


def _see_the_same(known: Sequence[Case], proxy: Live, mitm: Live, ceiling: Mode) -> None:
    """Clients and the model server get the same bytes from both live drivers."""
    assert mitm.upstream.bodies == proxy.upstream.bodies
    for case, one, two in zip(known, proxy.seen, mitm.seen, strict=True):
        assert (two.status, two.body, two.complete) == (one.status, one.body, True), case.name
        for name in (b"content-type", b"x-gateway-request-id", b"retry-after", b"x-should-retry"):
            assert two.get(name) == one.get(name), case.name
        if ceiling is Mode.SHADOW:
            assert mitm.upstream.bodies[case.name] == case.body
            assert (two.status, two.body) == _decoded(case)


def _decoded(case: Case) -> tuple[int, bytes]:
    head, _, rest = case.answer.partition(b"\r\n\r\n")
    body = rest
    if b"chunked" in head:
        body = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return int(head.split()[1]), body


def _covers(records: Records, ceiling: Mode) -> None:
    """That the traffic does what this file claims; equal records that say nothing would prove nothing."""
    rungs = {record["shadow"]["rung"] for record in records}
    assert rungs == {None, "watch", "narrow", "throttle", "perturb", "refuse"}
    scored = {signal["id"] for record in records for signal in record["signals"]}
    assert {"small.requests", "small.output", "small.thinking", "small.alike", "small.steady"} <= scored
    assert {"small.probabilities", "small.spread", "small.prompts", "small.input", "small.key"} <= scored
    assert any(record["usage"] and record["usage"]["estimated"] for record in records)
    assert {"unknown_route", "not_an_object", "duplicate_key"} <= {record["unscored"] for record in records}
    refusals = {record["refusal"] for record in records} - {None}
    applied = {name for record in records for name in record["applied"]}
    if ceiling is Mode.SHADOW:
        assert (refusals, applied) == (set(), set())
    else:
        assert {"usage_review", "rate_limited", "not_an_object"} < refusals
        assert {"log", "logprobs", "cap", "limit", "delay", "reasoning", "reject"} <= applied

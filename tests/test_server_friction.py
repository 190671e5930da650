"""The process with friction: it tells the operator's system, which pardons; answers are given again."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

from gateway.notices import sign
from gateway.testing import RawServer, read_request
from tests.adapters.support import Seen, ask, chat_bytes, json_answer, request_bytes
from tests.adapters.wire import run
from tests.commands import Started, started, write_settings

SECRET = "a secret for the hook"
POLICIES = """
---
kind: policy
id: probe
version: 1
title: Probe
mode: enforce
signals: {once: {request: {request.n: {gte: 2}}, points: 60}}
---
kind: ladder
id: default
version: 1
title: Rungs
rungs:
  slow:
    at: 20
    do: [{step_up: {url: '%s/hook'}}, {pin: {within: 10m}}, {shape: {tokens_per_second: 1000}}]
"""


class Model:
    """Never says the same twice."""

    def __init__(self) -> None:
        self.answers = itertools.count()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The script of one connection."""
        while await read_request(reader):
            text = f"answer {next(self.answers)}"
            writer.write(json_answer({"choices": [{"message": {"content": text}}]}))
            await writer.drain()


class Hook:
    """The operator's system."""

    def __init__(self) -> None:
        self.notices: asyncio.Queue[tuple[dict[bytes, bytes], bytes]] = asyncio.Queue()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The script of one connection."""
        while request := await read_request(reader):
            head, _, body = request.partition(b"\r\n\r\n")
            fields = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
            self.notices.put_nowait(({name: value for name, _, value in fields}, body))
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()


async def order(gateway: Started, principal: str, verb: str, **body: str) -> Seen:
    """What the operator's system answers a notice with."""
    kind = (("content-type", "application/json"),)
    said = json.dumps({"by": "step-up", "why": "verified", **body}).encode()
    path = f"/-/principals/{principal}/{verb}"
    return await ask(gateway.admin_port, request_bytes(said, path, headers=kind))


def test_a_notice_reaches_the_operators_system_which_pardons_or_raises(tmp_path: Path) -> None:
    async def main() -> None:
        hook = Hook()
        async with RawServer(Model()) as model, RawServer(hook) as system:
            settings = write_settings(
                tmp_path,
                upstream={"url": model.url},
                policies={"ceiling": "enforce"},
                webhook={"secret": SECRET},
            )
            (tmp_path / "policies" / "probe.yaml").write_text(POLICIES % system.url)
            async with started(settings) as gateway:
                await told_and_pardoned(gateway, hook)
                await gateway.end()
            rungs = [line["enforced"] for line in await gateway.lines(5)]
            assert [(one["rung"], one.get("held", False)) for one in rungs] == [
                ("slow", False), ("slow", False), (None, False), ("slow", True), (None, True),
            ]  # fmt: skip
            written = (tmp_path / "var" / "interventions.jsonl").read_text().splitlines()
            assert [json.loads(line)["action"] for line in written] == ["pardon", "raise", "pardon"]

    run(main())


async def told_and_pardoned(gateway: Started, hook: Hook) -> None:
    """The traffic of the test above."""

    async def text(**fields: Any) -> str:
        seen = await gateway.chat(chat_bytes(**fields))
        said: str = seen.json()["choices"][0]["message"]["content"]
        return said

    assert [await text(n=2), await text(n=2, seed=1)] == ["answer 0", "answer 0"]
    fields, body = await hook.notices.get()
    notice = json.loads(body)
    assert (notice["rung"], notice["reasons"][0]["signal"]) == ("slow", "probe.once")
    at = int(fields[b"x-gateway-signature"].split(b",")[0][2:])
    assert fields[b"x-gateway-signature"].decode() == sign(SECRET.encode(), at, body)
    assert (await order(gateway, notice["principal"], "pardon")).status == 200
    assert await text() == "answer 1"
    raised = await order(gateway, notice["principal"], "raise", rung="slow", **{"for": "1h"})
    assert raised.json()["acts"] is True
    assert await text() == "answer 2"
    await order(gateway, notice["principal"], "pardon", **{"for": "1h"})
    assert await text(n=2) == "answer 3"
    shown = (await gateway.admin("/metrics")).body
    assert b'gateway_pinned_answers_total{result="given"} 1.0' in shown
    assert b'gateway_step_ups_total{result="sent"}' in shown
    assert b'gateway_interventions_total{action="pardon"} 2.0' in shown

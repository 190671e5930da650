"""The command line as a process of its own, in the loop of a test that also plays client and model server.

`tests.processes` starts gateways for clients that block; here the test needs the signals, the exit code,
the admin listener and what was said on standard error.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.adapters.support import Seen, ask, request_bytes

_PORTS = re.compile(r"gateway on http://[\d.]+:(\d+) in front of .*, admin on http://[\d.]+:(\d+)\n")
KEY = "sk-a-key-that-nobody-may-see"
POLICY = """
---
kind: policy
id: probe
version: 1
title: Probe
mode: enforce
signals: {all: {request: {request.stream: {exists: true}}, points: 1}}
---
kind: ladder
id: default
version: 1
title: Rungs
rungs: {watch: {at: 20, do: [{log: true}]}}
"""


def write_settings(directory: Path, **sections: Any) -> Path:
    """A settings file and its policies, on free ports."""
    (directory / "policies").mkdir(exist_ok=True)
    (directory / "policies" / "probe.yaml").write_text(POLICY)
    base: dict[str, Any] = {"server": {"port": 0}, "admin": {"port": 0}, "identity": {"secret": "s" * 32}}
    merged = {name: base.get(name, {}) | sections.get(name, {}) for name in {**base, **sections}}
    path = directory / "config.yaml"
    path.write_text(json.dumps(merged))
    return path


@dataclass
class Started:
    """A gateway that has said that it listens."""

    process: asyncio.subprocess.Process
    port: int
    admin_port: int
    announced: str
    records: Path

    async def chat(self, body: bytes, path: str = "/v1/chat/completions") -> Seen:
        """One call with KEY."""
        return await ask(self.port, request_bytes(body, path, headers=(("authorization", f"Bearer {KEY}"),)))

    async def admin(self, path: str) -> Seen:
        """One question to the admin listener."""
        return await ask(self.admin_port, request_bytes(b"", path, method="GET"))

    async def lines(self, count: int = 1, path: Path | None = None) -> list[dict[str, Any]]:
        """The records, as soon as there are `count` of them."""
        path = path or self.records
        # Nobody tells when another process has written a file; it writes once a second.
        while not path.exists() or path.read_bytes().count(b"\n") < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return [json.loads(line) for line in path.read_text().splitlines()]

    def send(self, number: signal.Signals) -> None:
        """A signal to the process."""
        self.process.send_signal(number)

    async def ended(self) -> tuple[int, str]:
        """The exit code, and what was said on standard error after the announcement."""
        assert self.process.stderr is not None
        said = (await self.process.stderr.read()).decode()
        return await self.process.wait(), said

    async def end(self) -> str:
        """Stop it as an operator would; returns what it said. Raises AssertionError for another exit code."""
        self.send(signal.SIGTERM)
        status, said = await self.ended()
        assert status == 0, said
        assert "Traceback" not in said
        return said


@asynccontextmanager
async def started(settings: Path, *options: str) -> AsyncIterator[Started]:
    """`gateway serve --config settings …`, once it has announced itself; killed on leaving if need be."""
    process = await spawn("serve", "--config", str(settings), *options)
    assert process.stderr is not None
    try:
        said = [await process.stderr.readline()]
        while said[-1] and not said[-1].startswith(b"gateway on "):
            said.append(await process.stderr.readline())
        assert said[-1], b"".join(said).decode()
        announced = b"".join([said[-1], *[await process.stderr.readline() for _ in range(2)]]).decode()
        ports = _PORTS.match(announced)
        assert ports is not None
        records = settings.parent / "var" / "decisions.jsonl"
        yield Started(process, int(ports[1]), int(ports[2]), announced, records)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        # The transport's end is told in the next turn of the loop, and must not come after the loop's.
        await process.stderr.read()


async def spawn(*arguments: str, cwd: Path | None = None) -> asyncio.subprocess.Process:
    """`python -m gateway …` with its standard error on a pipe."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
    )

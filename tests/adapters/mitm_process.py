"""A real mitmdump on loopback in reverse mode, from the environment that `make setup-test` builds."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.model import Mode
from tests.adapters.support import SECRET

ROOT = Path(__file__).parents[2]
MITMDUMP = ROOT / ".venv-mitmproxy" / "bin" / "mitmdump"
_LISTENING = re.compile(rb"listening at \S*?:(\d+)")


@dataclass
class Mitm:
    """A mitmdump that runs: where, what it wrote down, and what it logs."""

    port: int
    records: Path
    log: bytearray

    async def recorded(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait until `count` records are there."""
        while len(lines := self._lines()) < count:  # noqa: ASYNC110  a file cannot be waited for
            await asyncio.sleep(0.005)
        return [json.loads(line) for line in lines]

    def _lines(self) -> list[bytes]:
        return self.records.read_bytes().splitlines() if self.records.exists() else []


def command(upstream: str, script: Path, home: Path, options: Sequence[str] = ()) -> list[str]:
    """The command line of a mitmdump in front of `upstream`, with all its files in `home`."""
    assert MITMDUMP.exists(), f"{MITMDUMP} is missing: run make setup-test"
    settings = [f"confdir={home}", "flow_detail=0", *options]
    return [
        *(str(MITMDUMP), "--listen-host", "127.0.0.1", "--listen-port", "0"),
        *("--mode", f"reverse:{upstream}", "-s", str(script)),
        *(word for setting in settings for word in ("--set", setting)),
    ]


@asynccontextmanager
async def running(words: Sequence[str], records: Path, **environment: str) -> AsyncIterator[Mitm]:
    """Run mitmdump until the block is left. Raises AssertionError if it ends before or logs a traceback."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | environment,
    )
    assert process.stdout is not None
    log = bytearray()
    try:
        while (found := _LISTENING.search(log)) is None:
            line = await process.stdout.readline()
            assert line, f"mitmdump ended: {log.decode()}"
            log += line
        reading = asyncio.ensure_future(_drain(process.stdout, log))
        yield Mitm(int(found[1]), records, log)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
    await reading
    assert b"Traceback" not in log, log.decode()


async def _drain(stream: asyncio.StreamReader, log: bytearray) -> None:
    async for line in stream:
        log += line


def _written(home: Path, given: dict[str, Any]) -> Path:
    home.mkdir()
    script = home / "script.json"
    script.write_text(json.dumps(given))
    return script


@asynccontextmanager
async def scripted(
    upstream: str,
    policies: Path,
    ceiling: Mode,
    home: Path,
    *,
    times: Sequence[float] = (0.0,) * 100,
    max_body: int = 1 << 20,
    deny_unknown: bool = False,
) -> AsyncIterator[Mitm]:
    """A mitmdump whose addon has a scripted clock (`mitm_scripted.py`)."""
    given = {
        "policies": str(policies),
        "ceiling": ceiling.name,
        "records": str(home / "records.jsonl"),
        "secret": SECRET.decode(),
        "times": list(times),
        "max_body": max_body,
        "deny_unknown": deny_unknown,
    }
    script = _written(home, given)
    # As the addon itself sees to; the script is but its driver.
    options = ["connection_strategy=lazy"]
    words = command(upstream, Path(__file__).with_name("mitm_scripted.py"), home, options)
    async with running(words, home / "records.jsonl", STILLGATE_SCRIPT=str(script)) as mitm:
        yield mitm


def headers(rung: str | None = None, **more: str) -> tuple[tuple[str, str], ...]:
    """Fields of a request that asks to stand on a rung."""
    fields = {"authorization": "Bearer sk-test", "user-agent": f"rung-{rung}" if rung else "sdk"} | more
    return tuple(fields.items())

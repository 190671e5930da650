"""What is measured: ourselves in three settings, the bare client, and the table of all targets.

A target is a function that prepares files and environments and says what to start. Peers are in `peers`.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.side_by_side.installs import ROOT
from benchmarks.side_by_side.processes import Command, free_port

POLICIES = ROOT / "policies"


@dataclass(frozen=True, slots=True)
class Room:
    """What a target is given: a folder of its own, ports, and where environments are kept."""

    folder: Path
    cache: Path
    upstream: int
    """Port of the model server."""
    port: int
    """Port to listen on."""

    @property
    def url(self) -> str:
        """Of the model server."""
        return f"http://127.0.0.1:{self.upstream}"

    def write(self, name: str, text: str) -> Path:
        """A file of the target's own."""
        path = self.folder / name
        path.write_text(text)
        return path

    def command(self, name: str, *words: object, env: Mapping[str, str] | None = None) -> Command:
        """A process to start in this room."""
        return Command(tuple(map(str, words)), env or {}, name)


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start, and how to speak to it."""

    commands: tuple[Command, ...] = ()
    version: str = ""
    key: str = ""
    """The one API key that it accepts; empty for many."""
    headers: tuple[tuple[str, str], ...] = ()
    rate: float = 0.0
    """Requests a second in scenario L, if it cannot bear the scenario's."""
    warm: float = 1.0
    """Seconds of load before the first round."""


@dataclass(frozen=True, slots=True)
class Target:
    """One row of the tables."""

    name: str
    about: str
    launch: Callable[[Room], Launch] = field(compare=False)
    ours: bool = False


def direct(room: Room) -> Launch:
    """Nothing in between."""
    return Launch()


def bare(room: Room) -> Launch:
    """uvicorn, raw ASGI and our own HTTP client: what any gateway on this stack pays."""
    words = (sys.executable, "-m", "benchmarks.side_by_side.bare", room.port, room.url)
    return Launch((room.command("bare", *words, env={"PYTHONPATH": str(ROOT)}),), _python())


def off(room: Room) -> Launch:
    """The gateway with its ceiling at `disabled`."""
    return _gateway(room, "disabled", POLICIES)


def shadow(room: Room) -> Launch:
    """The gateway as it is shipped: all policies are evaluated and recorded, nothing is changed."""
    return _gateway(room, "shadow", POLICIES)


def enforce(room: Room) -> Launch:
    """The gateway with the shipped policies and a response that edits every event of every answer."""
    return _gateway(room, "enforce", transforming(room.folder / "policies"))


def httpx2(room: Room) -> Launch:
    """As `off`, with the second client of the model server."""
    return _gateway(room, "disabled", POLICIES, backend="httpx2")


def _gateway(room: Room, ceiling: str, policies: Path, backend: str = "own") -> Launch:
    settings = {
        "server": {"port": room.port},
        "admin": {"port": free_port()},
        "upstream": {"url": room.url, "backend": backend, "max_connections": 10_000},
        "policies": {"path": str(policies), "ceiling": ceiling},
        "record": {"decisions": "decisions.jsonl"},
        "log": {"level": "warning"},
    }
    file = room.write("config.json", json.dumps(settings))
    words = (sys.executable, "-m", "gateway", "serve", "--config", file)
    return Launch((room.command("gateway", *words, env={"PYTHONPATH": str(ROOT)}),), _python())


def transforming(folder: Path) -> Path:
    """A copy of the shipped policies that only watch, and one policy that moves everybody to one rung.

    Its rung edits answers and refuses nothing: a refusal would be cheaper than what is to be measured.
    """
    shutil.copytree(POLICIES, folder, ignore=shutil.ignore_patterns("tests", "examples"))
    for file in folder.glob("*.yaml"):
        file.write_text(re.sub(r"^mode: enforce\b", "mode: shadow", file.read_text(), flags=re.MULTILINE))
    everybody = {
        "kind": "policy",
        "id": "everybody",
        "version": 1,
        "title": "Everybody, for the benchmark",
        "mode": "enforce",
        "cap": 40,
        "signals": {"any": {"request": {"request.endpoint": ["chat"]}, "points": 40}},
    }
    responses = [{"reasoning": {"strip": True}}, {"logprobs": {"max_top": 5, "decimals": 2}}]
    ladder = {
        "kind": "ladder",
        "id": "default",
        "version": 1,
        "title": "One rung",
        "rungs": {"narrow": {"at": 35, "do": responses}},
    }
    (folder / "everybody.yaml").write_text(json.dumps(everybody))
    (folder / "ladder.yaml").write_text(json.dumps(ladder))
    return folder


def _python() -> str:
    return f"CPython {sys.version.split()[0]}"


OWN = (
    Target("direct", "no proxy: the model server's own CPU", direct),
    Target("bare", "uvicorn + raw ASGI + our client", bare, ours=True),
    Target("off", "ours, policies off", off, ours=True),
    Target("httpx2", "ours, policies off, client httpx2", httpx2, ours=True),
    Target("shadow", "ours, shadow, shipped policies", shadow, ours=True),
    Target("enforce", "ours, enforce, every event edited", enforce, ours=True),
)

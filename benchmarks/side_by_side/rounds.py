"""The order of things: start all targets, warm them, then measure in rounds, every target in each round.

A target that cannot be installed, started or warmed is left out by name, with its reason. All stay up for the
whole run, idle on the proxies' core while others are measured.
"""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.side_by_side import traffic
from benchmarks.side_by_side.figures import Sample
from benchmarks.side_by_side.installs import ROOT
from benchmarks.side_by_side.loader import Job, Seen
from benchmarks.side_by_side.processes import (
    Command,
    TargetError,
    cores,
    free_port,
    proportional_bytes,
    running,
    tree,
    until_ready,
)
from benchmarks.side_by_side.scenarios import SCENARIOS, Scenario
from benchmarks.side_by_side.targets import Launch, Room, Target

Say = Callable[[str], None]
_STRIDE = 2_000_000
"""Prompt numbers that one window may use."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure, how often, for how long, and where environments are kept."""

    targets: tuple[Target, ...]
    scenarios: tuple[Scenario, ...]
    rounds: int
    seconds: float
    cache: Path


class Run(msgspec.Struct, kw_only=True):
    """What a run brought: samples, versions by target, targets that did not run with the reason."""

    samples: list[Sample]
    idle: dict[str, int]
    versions: dict[str, str]
    missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """A target that runs."""

    target: Target
    launch: Launch
    port: int
    processes: tuple[subprocess.Popen[bytes], ...]

    @property
    def pids(self) -> tuple[int, ...]:
        """Its whole tree, now."""
        return tuple(pid for process in self.processes for pid in tree(process.pid))


class Bench:
    """One run: the model server and the targets that stand."""

    def __init__(self, options: Options, say: Say) -> None:
        self._options = options
        self._say = say
        self._ends, self._core = cores()
        self._number = 0
        self._upstream: tuple[int, int] = (0, 0)
        """Port and process id of the model server."""
        self.run = Run(samples=[], idle={}, versions={}, missing={})

    def measure(self) -> Run:
        """Everything, in order. Raises TargetError if the model server itself cannot be started."""
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="side-by-side-")))
            self._upstream = stack.enter_context(self._model_server(folder))
            standing = [
                own for target in self._options.targets if (own := self._start(target, folder, stack))
            ]
            for round_ in range(self._options.rounds):
                # Nobody is always first after the same neighbour.
                turned = [*standing[round_ % len(standing) :], *standing[: round_ % len(standing)]]
                self._round(round_, turned)
        return self.run

    def _round(self, round_: int, standing: Sequence[Standing]) -> None:
        for scenario in self._options.scenarios:
            for own in standing:
                self._say(f"round {round_ + 1}/{self._options.rounds} {scenario.name:<4} {own.target.name}")
                try:
                    self.run.samples.append(self._sample(own, scenario, round_))
                except TargetError as error:
                    self.run.missing[own.target.name] = f"{scenario.name}: {error}"

    # --- starting ---------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _model_server(self, folder: Path) -> Iterator[tuple[int, int]]:
        port = free_port()
        words = (sys.executable, "-m", "benchmarks.side_by_side.upstream", str(port))
        command = Command(words, {"PYTHONPATH": str(ROOT)}, "upstream")
        with running(command, self._ends, folder) as process:
            until_ready(lambda: answers(port, Launch()), process, folder / "upstream.log")
            yield port, process.pid

    def _start(self, target: Target, folder: Path, stack: contextlib.ExitStack) -> Standing | None:
        self._say(f"starting {target.name}")
        own = folder / target.name
        own.mkdir()
        # What belongs to a target that fails is ended at once, of others with the run.
        with contextlib.ExitStack() as inner:
            try:
                port = free_port()
                launch = target.launch(Room(own, self._options.cache.absolute(), self._upstream[0], port))
                processes = tuple(
                    inner.enter_context(running(command, self._core, own)) for command in launch.commands
                )
                if not processes:
                    port = self._upstream[0]
                for command, process in zip(launch.commands[-1:], processes[-1:], strict=True):
                    until_ready(lambda: answers(port, launch), process, own / f"{command.name}.log")
                standing = Standing(target, launch, port, processes)
                self._warm(standing)
            except TargetError as error:
                self.run.missing[target.name] = str(error)
                self._say(f"  not run: {error}")
                return None
            stack.push(inner.pop_all())
        self.run.versions[target.name] = launch.version
        if processes:
            self.run.idle[target.name] = proportional_bytes(standing.pids)
        return standing

    def _warm(self, own: Standing) -> None:
        """Both kinds of answer, until nothing is imported or compiled any more."""
        for scenario in (SCENARIOS["J"], SCENARIOS["B"]):
            seen = self._load(own, scenario, own.launch.warm)
            if seen.errors or not seen.requests:
                raise TargetError(f"{scenario.name}: {seen.error or 'no answer came'}")

    # --- measuring --------------------------------------------------------------------------------------

    def _sample(self, own: Standing, scenario: Scenario, round_: int) -> Sample:
        before = proportional_bytes(own.pids) if scenario.pace else 0
        memory: list[int] = []
        during = (lambda: memory.append(proportional_bytes(own.pids))) if scenario.pace else None
        seen = self._load(own, scenario, self._options.seconds, during)
        return Sample(
            target=own.target.name,
            scenario=scenario.name,
            round=round_,
            stream=scenario.stream,
            connections=scenario.connections,
            seen=seen,
            memory=sum(memory),
            before=before,
        )

    def _load(
        self,
        own: Standing,
        scenario: Scenario,
        seconds: float,
        during: Callable[[], None] | None = None,
    ) -> Seen:
        self._number += 1
        job = Job(
            scenario=scenario,
            port=own.port,
            seconds=seconds,
            first=self._number * _STRIDE % 10**traffic.COUNTER,
            key=own.launch.key,
            headers=own.launch.headers,
            rate=own.launch.rate if scenario.rate else 0.0,
            pids=own.pids,
            others=(self._upstream[1],),
        )
        words = ["taskset", "-c", str(self._ends), sys.executable, "-m", "benchmarks.side_by_side.loader"]
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(words, stdin=subprocess.PIPE, stdout=said, stderr=said, cwd=ROOT) as loader,
        ):
            assert loader.stdin is not None
            loader.stdin.write(msgspec.json.encode(job))
            loader.stdin.close()
            if during is not None:
                time.sleep(scenario.ramp + seconds / 2)
                during()
            loader.wait()
            said.seek(0)
            text = said.read()
        if loader.returncode:
            raise TargetError(f"the load generator failed: {text.decode()[-300:]}")
        return msgspec.json.decode(text, type=Seen)


def answers(port: int, launch: Launch) -> bool:
    """Whether a chat request is answered with 200."""
    before, after = traffic.bodies(90, 0, stream=False)[0]
    headers = {
        "authorization": f"Bearer {launch.key or traffic.key(0)}",
        "content-type": "application/json",
        **dict(launch.headers),
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", traffic.PATH, before + b"0" * traffic.COUNTER + after, headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

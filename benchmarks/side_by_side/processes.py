"""Processes of the suite: started on one core each, read, ended; Linux only.

Processor time comes from each process's own clock (nanoseconds, ended threads included), memory from its
proportional set, so that pages which a tree shares count once. A tree's processes are those that descend
from what was started.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 90.0
"""Seconds in which a target must answer: LiteLLM imports for 10 to 30."""


class TargetError(Exception):
    """A target that could not be installed, started or measured, in words for the report."""


def cores() -> tuple[int, int]:
    """(the core of both ends, the core of the proxy). Raises TargetError on a machine with one core."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise TargetError("two cores are needed: one for the proxy, one for the load and the model server")
    return allowed[0], allowed[-1]


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, user and system; 0 is this one, and a process that is gone has none.

    The clock's number is made as clock_getcpuclockid(3) of Linux makes it.
    """
    try:
        return time.clock_gettime((~pid) << 3 | 2)
    except OSError:
        return 0.0


def tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue  # ended meanwhile
    return found


def proportional_bytes(pids: Sequence[int]) -> int:
    """The proportional set sizes of these processes."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Command:
    """What to start: words, and what is added to the environment."""

    words: tuple[str, ...]
    env: Mapping[str, str]
    name: str


@contextmanager
def running(command: Command, core: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process, pinned to `core`, saying what it says to a file; ended with its group on leaving.

    Raises TargetError when it cannot be started.
    """
    log = folder / f"{command.name}.log"
    with log.open("wb") as out:
        try:
            process = subprocess.Popen(
                ["taskset", "-c", str(core), *command.words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **command.env},
                start_new_session=True,
            )
        except OSError as error:
            raise TargetError(f"{shlex.join(command.words[:1])}: {error.strerror}") from None
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """The whole group: workers of a server that was killed must not stay behind."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signal_number)
        except ProcessLookupError:
            break
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def until_ready(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for it to answer. Raises TargetError with its last words if it ends first, or never does."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise TargetError(f"ended with status {process.returncode}: {last_words(log)}")
        if ready():
            return
        time.sleep(0.1)
    raise TargetError(f"did not answer within {PATIENCE:g} s: {last_words(log)}")


def last_words(log: Path, length: int = 300) -> str:
    """The end of what a process said, on one line."""
    return " ".join(log.read_text("utf-8", "replace").split())[-length:]

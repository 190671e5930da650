"""How many recorded requests a second `gateway replay` scores on one core, and what memory that takes.

    python -m benchmarks.replay_speed [DATA] [--requests N] [--policies DIR]

Writes N requests to a temporary file and runs the command on it, as an analyst would, once on a quarter of
them and once on all: memory must follow the number of principals, not of requests. The requests are those of
DATA (traffic JSON Lines, a file or a directory), a week after a week until there are N; without DATA they are
made up: 400 principals, half of them people, half programs with one template each. Prints a small table;
times are of this machine, at this moment.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from time import perf_counter

import msgspec

from benchmarks.engine_cost import WORDS
from gateway.traffic import discover, merged, survey

PRINCIPALS = 400
GAP = 0.5
"""Seconds between two made-up requests."""


def made_up(n: int) -> Iterator[bytes]:
    """Lines of people, who say something new each time, and of programs, which fill in a template."""
    chance = random.Random(1)
    for at in range(n):
        who = chance.randrange(PRINCIPALS)
        words = " ".join(chance.choices(WORDS, k=80))
        text = words if who % 2 else f"Sort the ticket number {who} into one of five queues. Ticket: {words}"
        message = {"role": "user", "content": text}
        request = {"model": "m", "messages": [message], "temperature": 0.2, "max_tokens": 300}
        usage = {"input_tokens": 120, "output_tokens": 80}
        line = {"ts": at * GAP, "principal": f"key-{who}", "request": request, "usage": usage}
        yield msgspec.json.encode(line) + b"\n"


def recorded(data: Path) -> Iterator[bytes]:
    """The lines of `data` by time, again and again, each round after the one before."""
    plan = survey(discover([data]))
    first = last = 0.0
    for turn in count():
        shift = turn * (last - first + GAP)
        for line in merged(plan):
            if not turn:
                first, last = first or line.ts, line.ts
            yield msgspec.json.encode(msgspec.structs.replace(line, ts=line.ts + shift)) + b"\n"


def replayed(file: Path, policies: Path) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak MB) of one run of the command in a process of its own."""
    command = [sys.executable, "-m", "gateway", "replay", str(file), "--policies", str(policies), "--quiet"]
    began = perf_counter()
    child = os.posix_spawn(
        sys.executable,
        [*command, "-o", "json"],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"replay failed with status {os.waitstatus_to_exitcode(status)}")
    return perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--policies", type=Path, default=Path("policies"))
    options = parser.parse_args()
    sys.stdout.write("  requests    wall s     CPU s   requests/CPU s   peak MB\n")
    with tempfile.TemporaryDirectory() as folder:
        for n in (options.requests // 4, options.requests):
            lines = made_up(n) if options.data is None else islice(recorded(options.data), n)
            file = Path(folder, f"{n}.jsonl")
            with file.open("wb") as out:
                out.writelines(lines)
            wall, cpu, peak = replayed(file, options.policies)
            sys.stdout.write(f"{n:>10,} {wall:>9.1f} {cpu:>9.1f} {n / cpu:>16,.0f} {peak:>9.0f}\n")


if __name__ == "__main__":
    main()

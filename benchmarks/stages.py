"""CPU per stage of a call against the budget, and a profile of the same calls.

    python -m benchmarks.stages [--calls N] [--out DIR]

Stages are those of `gateway.exchange`, with keyed identities, the shipped policies and prompts of 2 KB; what
uvicorn, the sockets and the client of the model server take is in `make bench` (target `bare`). Writes
`calls.txt` and `stream.txt`, the functions with the most time of their own, and `*.pstats` beside them.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from statistics import median
from time import process_time_ns

from benchmarks.side_by_side import traffic
from benchmarks.side_by_side.targets import transforming
from gateway.config import IdentityConfig
from gateway.exchange import Exchange, Head
from gateway.gate import Gate
from gateway.identity import Identifier
from gateway.model import Mode, Outcome, Usage
from gateway.policies.load import load_bundle
from gateway.records import to_json
from gateway.stores.memory import MemoryStore

POLICIES = Path(__file__).parents[1] / "policies"
EVENTS = 200
GAP = 2.0
"""Seconds between two calls: each key calls twice in four minutes."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A row: what it is, CPU µs, and the budget, None where none is set."""

    name: str
    spent: float
    budget: float | None


def _unframed(chunk: bytes) -> bytes:
    """What is in one chunk of the chunked coding."""
    size, _, rest = chunk.partition(b"\r\n")
    return rest[: int(size, 16)]


class Calls:
    """Calls of many keys against one gate."""

    def __init__(self, gate: Gate, *, stream: bool = False) -> None:
        self._gate = gate
        self._bodies = traffic.bodies(EVENTS, 0, stream)
        self._events = [
            _unframed(before + b"0" * traffic.STAMP + after) for before, after in traffic.events(EVENTS)
        ]
        self._answer = traffic.answer().partition(b"\r\n\r\n")[2]
        self._stream = stream
        self._number = 0

    def call(self) -> Iterator[str]:
        """One call; stops behind each stage with its name."""
        self._number += 1
        number, now = self._number, self._number * GAP
        before, after = self._bodies[number % traffic.PROMPTS]
        body = before + b"%08d" % number + after
        key = f"Bearer {traffic.key(number)}".encode()
        headers = [(b"authorization", key), (b"content-type", b"application/json")]
        yield "start"
        exchange = Exchange(self._gate, Head("POST", traffic.PATH.encode(), headers, "192.0.2.1"), "id", now)
        exchange.judge(body, now)
        yield "before forwarding"
        exchange.forwarded(now)
        yield "after forwarding"
        kind = b"text/event-stream" if self._stream else b"application/json"
        exchange.respond(200, [(b"content-type", kind)])
        for chunk in self._events if self._stream else [self._answer]:
            exchange.feed(chunk)
            exchange.observe(chunk)
        exchange.end()
        yield "answer"
        record = exchange.finish(Outcome(200, Usage(500, 90)), now)
        yield "settling"
        to_json(record, "features")
        yield "record"

    def medians(self, calls: int) -> dict[str, float]:
        """CPU µs of each stage, the median of so many calls."""
        spent: dict[str, list[int]] = {}
        for _ in range(calls):
            last = 0
            for name in self.call():
                now = process_time_ns()
                spent.setdefault(name, []).append(now - last)
                last = process_time_ns()
        return {name: median(values) / 1000 for name, values in spent.items() if name != "start"}

    def run(self, calls: int) -> None:
        """So many calls."""
        for _ in range(calls):
            for _ in self.call():
                pass


@contextmanager
def gates() -> Iterator[Callable[[str], Gate]]:
    """Gates by name: `unscored` (no policies), `shadow`, `enforce`, each with a store of its own."""
    identify = Identifier(IdentityConfig(), b"a secret for the benchmark, 32 b.")
    with tempfile.TemporaryDirectory() as folder:
        edited = transforming(Path(folder, "policies"))

        def gate(name: str) -> Gate:
            mode = Mode.ENFORCE if name == "enforce" else Mode.SHADOW
            source = edited if name == "enforce" else POLICIES
            bundle = None if name == "unscored" else load_bundle(source)
            return Gate(bundle, mode, MemoryStore(10_000), identify)

        yield gate


def stages(gate: Callable[[str], Gate], calls: int) -> list[Stage]:
    """The budget's rows."""
    unscored = Calls(gate("unscored")).medians(calls)
    shadow = Calls(gate("shadow")).medians(calls)
    streams = {name: Calls(gate(name), stream=True).medians(calls // 10) for name in ("shadow", "enforce")}
    reading = unscored["before forwarding"]
    return [
        Stage("reading the request, identity", reading, 6.0),
        Stage("counters, patterns, rules", shadow["before forwarding"] - reading, 12.0),
        Stage("sketches, after forwarding", shadow["after forwarding"], 60.0),
        Stage("reading a JSON answer", shadow["answer"], None),
        Stage("settling", shadow["settling"], None),
        Stage("record", shadow["record"], 2.0),
        Stage("an event, passed and read", streams["shadow"]["answer"] / EVENTS, 1.5),
        Stage("an event, edited", streams["enforce"]["answer"] / EVENTS, 2.5),
    ]


def profile(work: Callable[[], None], target: Path) -> None:
    """Profile `work`: `target`.pstats for tools, `target`.txt for people."""
    profiler = cProfile.Profile()
    profiler.runcall(work)
    profiler.dump_stats(target.with_suffix(".pstats"))
    text = StringIO()
    stats = pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime")
    stats.print_stats(40)
    target.with_suffix(".txt").write_text(text.getvalue(), "utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Measure, profile, print."""
    parser = argparse.ArgumentParser(prog="benchmarks.stages", description=__doc__)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=Path("build/profile"))
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    with gates() as gate:
        for stage in stages(gate, given.calls):
            budget = "" if stage.budget is None else f"of {stage.budget:g}"
            sys.stdout.write(f"{stage.name:<32} {stage.spent:8.1f} µs {budget}\n")
        calls, streams = Calls(gate("shadow")), Calls(gate("shadow"), stream=True)
        profile(lambda: calls.run(given.calls), given.out / "calls")
        profile(lambda: streams.run(given.calls // 10), given.out / "stream")
    sys.stdout.write(f"written: {given.out}/calls.txt, {given.out}/stream.txt\n")


if __name__ == "__main__":
    main()

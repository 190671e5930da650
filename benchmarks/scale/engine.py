"""CPU per call of the engine, in this process: principals, policies, patterns, prompt size, history.

A call is everything but sockets: reading the body, deciding, studying after forwarding, the record.
"""

from __future__ import annotations

import gc
import json
import os
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from time import process_time_ns

from benchmarks.engine_cost import WORDS
from benchmarks.scale.bundles import many_patterns, many_policies
from benchmarks.scale.laws import Curve, Point
from gateway.adapters.replay import Nobody
from gateway.exchange import Exchange, Head
from gateway.gate import Gate
from gateway.model import Client, Mode, Outcome, Principal, Usage
from gateway.policies.bundle import Bundle
from gateway.policies.load import load_bundle
from gateway.stores.memory import MemoryStore

POLICIES = Path(__file__).parents[2] / "policies"
CALLS = 300
"""Calls behind each point; their median is what stands for them."""
FEWEST = 1000
"""Fewer principals find room that the process has anyway, and seem to take nothing."""
GAP = 30.0
"""Seconds between a principal's calls."""
_CHARACTERS = 5.0
"""Of a made-up word with its space."""
_HEAD = Head("POST", b"/v1/chat/completions", [])


class Caller:
    """Calls from made-up principals against one bundle and one store."""

    def __init__(self, bundle: Bundle, most: int = 1000, size: int = 2000) -> None:
        self.store = MemoryStore(most)
        self._gate = Gate(bundle, Mode.SHADOW, self.store, Nobody())
        self._random = random.Random(1)
        self._size = size
        self._now = 0.0

    def body(self) -> bytes:
        """A chat request whose prompt is new and has about the size."""
        count = max(1, round(self._size / _CHARACTERS))
        message = {"role": "user", "content": " ".join(self._random.choices(WORDS, k=count))}
        return json.dumps({"model": "m", "messages": [message], "max_tokens": 50}).encode()

    def call(self, principal: str, body: bytes) -> float:
        """One call; its CPU time in µs."""
        self._now += GAP
        began = process_time_ns()
        who = (Principal(principal), Client("192.0.2.1", "sdk"))
        exchange = Exchange(self._gate, _HEAD, "id", self._now, as_principal=who)
        exchange.judge(body, self._now)
        exchange.forwarded(self._now)
        exchange.finish(Outcome(200, Usage(500, 200)), self._now)
        return (process_time_ns() - began) / 1000

    def calls(self, principals: Sequence[str], count: int = CALLS) -> float:
        """The median over so many calls of these principals, bodies not counted."""
        bodies = [self.body() for _ in range(count)]
        return median(self.call(self._random.choice(principals), body) for body in bodies)


def principals(sizes: Iterable[int]) -> list[Curve]:
    """Calls of one principal among many, and what each of them takes in memory."""
    sizes = sorted(sizes)
    caller = Caller(load_bundle(POLICIES), most=sizes[-1], size=200)
    names: list[str] = []
    costs, memory = [], []
    gc.collect()
    before = resident()
    for size in sizes:
        while len(names) < size:
            names.append(f"principal-{len(names)}")
            caller.call(names[-1], caller.body())
        if size >= FEWEST:
            memory.append(Point(size, max(resident() - before, 1) / size))
        costs.append(Point(size, caller.calls(names)))
    found = [
        _curve("principals", "principals remembered", costs),
        Curve(
            name="principals, memory",
            x="principals remembered",
            y="bytes each, after one call",
            wanted="constant",
            points=tuple(memory),
        ),
    ]
    return [curve for curve in found if curve.points]


def policies(sizes: Iterable[int]) -> list[Curve]:
    """Calls against ever more policies."""
    found = [Point(size, _warm(many_policies(size)).calls(["p"])) for size in sizes]
    return [_curve("policies", "policies of two signals", found, "linear")]


def patterns(sizes: Iterable[int]) -> list[Curve]:
    """Calls whose prompt of 2 KB is searched for ever more patterns."""
    found = [Point(size, _warm(many_patterns(size)).calls(["p"])) for size in sizes]
    return [_curve("patterns", "patterns in one set", found)]


def prompt_size(sizes: Iterable[int]) -> list[Curve]:
    """Calls with ever longer prompts against the shipped policies."""
    bundle = load_bundle(POLICIES)
    found = []
    for size in sizes:
        caller = Caller(bundle, size=size)
        found.append(Point(size, caller.calls(["p"], max(5, min(CALLS, 3_000_000 // size)))))
    return [_curve("prompt size", "bytes of prompt", found, "linear")]


def history(sizes: Iterable[int]) -> list[Curve]:
    """Calls of one principal with ever more behind it."""
    caller = Caller(load_bundle(POLICIES))
    costs, memory, done = [], [], 0
    for size in sorted(sizes):
        while done < size:
            caller.call("p", caller.body())
            done += 1
        costs.append(Point(size, caller.calls(["p"], 100)))
        done += 100
        memory.append(Point(size, caller.store.nbytes("p")))
    return [
        _curve("history", "calls before", costs),
        Curve(
            name="history, memory",
            x="calls before",
            y="bytes of state",
            wanted="constant",
            points=tuple(memory),
        ),
    ]


def _warm(bundle: Bundle) -> Caller:
    caller = Caller(bundle)
    caller.calls(["p"], 20)
    return caller


def _curve(name: str, x: str, points: Sequence[Point], wanted: str = "constant") -> Curve:
    return Curve(name=name, x=x, y="CPU µs per call", wanted=wanted, points=tuple(points))


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


CURVES: dict[str, tuple[Callable[[Iterable[int]], list[Curve]], tuple[int, ...]]] = {
    "principals": (principals, (100, 1000, 10_000, 100_000)),
    "policies": (policies, (1, 2, 5, 10, 20, 50, 100, 200)),
    "patterns": (patterns, (10, 20, 50, 100, 200, 500, 1000, 2000)),
    "prompt-size": (prompt_size, (100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)),
    "history": (history, (10, 30, 100, 300, 1000, 3000, 10_000)),
}
"""What is measured in this process, and where."""

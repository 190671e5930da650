"""Samples into figures: cost per request or event, medians over rounds, ratios within rounds.

Pure arithmetic. A ratio is taken in each round, where both sides met the same neighbours on the machine, and
only then is the median of rounds taken. A sample in which answers failed is no measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

import msgspec

from benchmarks.side_by_side.loader import Seen

BASE = "direct"
"""The target without a proxy: its cost is the model server's."""
OURS = "shadow"
"""What peers are compared with."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One window of one target under one load, with what must be known of the load.

    `memory` is the tree's proportional set in its middle, `before` that before the load, in bytes, or 0.
    """

    target: str
    scenario: str
    round: int
    stream: bool
    connections: int
    seen: Seen
    memory: int = 0
    before: int = 0

    @property
    def units(self) -> int:
        """Requests, or events in scenarios of streams."""
        return self.seen.chunks if self.stream else self.seen.requests

    @property
    def cost(self) -> float | None:
        """CPU µs per unit of the whole process tree; None if it failed."""
        spent = self.seen.others if self.target == BASE else self.seen.cpu
        return None if self.seen.errors or not self.units else spent * 1e6 / self.units


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over rounds; costs in CPU µs per unit, times in ms, None where nothing was measured."""

    target: str
    scenario: str
    cost: float | None
    low: float | None
    high: float | None
    rate: float | None
    """Units a second."""
    core: float | None
    """Part of a core that the tree used."""
    median_ms: float | None
    """From asking to the last byte of a JSON answer."""
    p99_ms: float | None
    first_ms: float | None
    """From asking to the first event."""
    delay_ms: float | None
    """An event on its way from the model server to the client, median."""
    delay_p99_ms: float | None
    errors: int
    error: str


class Figures:
    """All samples of a run, and the memory of idle targets in bytes."""

    def __init__(self, samples: Iterable[Sample], idle: dict[str, int]) -> None:
        self.samples = list(samples)
        self.idle = idle
        self._by = {(own.target, own.scenario, own.round): own for own in self.samples}
        self._rounds = sorted({own.round for own in self.samples})

    def measured(self, target: str, scenario: str) -> bool:
        """Whether there is any window of this target under this load, good or not."""
        return any((target, scenario, round_) in self._by for round_ in self._rounds)

    def cell(self, target: str, scenario: str) -> Cell:
        """One target under one load."""
        own = [one for one in self.samples if (one.target, one.scenario) == (target, scenario)]
        good = [one for one in own if one.cost is not None]
        costs = [one.cost for one in good if one.cost is not None]

        def ms(read: Callable[[Seen], float | None]) -> float | None:
            return _median([1e3 * value for one in good if (value := read(one.seen)) is not None])

        return Cell(
            target=target,
            scenario=scenario,
            cost=_median(costs),
            low=min(costs, default=None),
            high=max(costs, default=None),
            rate=_median([one.units / one.seen.seconds for one in good]),
            core=_median([one.seen.cpu / one.seen.seconds for one in good]),
            median_ms=ms(lambda seen: seen.latency and seen.latency[0]),
            p99_ms=ms(lambda seen: seen.latency and seen.latency[1]),
            first_ms=ms(lambda seen: seen.first),
            delay_ms=ms(lambda seen: seen.delay and seen.delay[0]),
            delay_p99_ms=ms(lambda seen: seen.delay and seen.delay[1]),
            errors=sum(one.seen.errors for one in own),
            error=next((one.seen.error for one in own if one.seen.error), ""),
        )

    def ratio(self, target: str, other: str, scenario: str) -> float | None:
        """How many times the cost of `other` that of `target` is."""
        return self._paired(target, other, scenario, lambda sample: sample.cost, lambda a, b: a / b)

    def added(
        self, target: str, other: str, scenario: str, read: Callable[[Seen], float | None]
    ) -> float | None:
        """How much larger a figure of `target` is than that of `other`, in its own unit."""
        return self._paired(target, other, scenario, lambda sample: read(sample.seen), lambda a, b: a - b)

    def stream_memory(self, target: str, scenario: str = "S500") -> float | None:
        """Bytes that each open stream takes: what the tree grows by, over the streams.

        In the first round: later ones find the room that the first has left.
        """
        own = [one for one in self.samples if (one.target, one.scenario) == (target, scenario) and one.memory]
        if not own:
            return None
        first = min(own, key=lambda one: one.round)
        return (first.memory - first.before) / first.connections

    def _paired(
        self,
        target: str,
        other: str,
        scenario: str,
        read: Callable[[Sample], float | None],
        join: Callable[[float, float], float],
    ) -> float | None:
        found = []
        for round_ in self._rounds:
            pair = [self._by.get((name, scenario, round_)) for name in (target, other)]
            values = [None if one is None or one.cost is None else read(one) for one in pair]
            if values[0] is not None and values[1] is not None:
                found.append(join(values[0], values[1]))
        return _median(found)


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None

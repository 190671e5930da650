"""Samples with made-up numbers, and a transport that remembers."""

from __future__ import annotations

from typing import Any

from benchmarks.side_by_side.figures import Sample
from benchmarks.side_by_side.loader import Seen
from benchmarks.side_by_side.scenarios import SCENARIOS


def sample(target: str, scenario: str, round_: int = 0, **seen: Any) -> Sample:
    """One window of a second; `cpu` in seconds, `memory` and `before` in bytes."""
    sizes = {name: seen.pop(name, 0) for name in ("memory", "before")}
    fields = {"seconds": 1.0, "requests": 1000, "chunks": 1000, **seen}
    load = SCENARIOS[scenario]
    return Sample(
        target=target,
        scenario=scenario,
        round=round_,
        stream=load.stream,
        connections=load.connections,
        seen=Seen(**fields),
        **sizes,
    )


class Transport:
    """What was written, and whether it was cut off."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        self.aborted = True

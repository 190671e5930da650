"""CPU per event and memory per stream against the number of open streams, with a gateway of its own.

All points have the same number of events a second, 2,000, and of new requests, so that only the number of
streams differs: more streams are slower ones. The machinery is that of the side-by-side suite.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.scale.laws import Curve, Point
from benchmarks.side_by_side.figures import Figures
from benchmarks.side_by_side.rounds import Bench, Options, Say
from benchmarks.side_by_side.scenarios import Scenario
from benchmarks.side_by_side.targets import OWN

SIZES = (1, 5, 50, 500, 5000)
RATE = 2000.0
"""Events a second."""
EVENTS = 20


def streams(sizes: Iterable[int], say: Say, seconds: float = 3.0) -> list[Curve]:
    """The gateway in shadow with so many streams open. Raises TargetError."""
    loads = [Scenario(f"{n}", f"{n} streams", n, max(1, round(n / RATE * 1000)), EVENTS) for n in sizes]
    targets = tuple(own for own in OWN if own.name == "shadow")
    with tempfile.TemporaryDirectory() as cache:
        run = Bench(Options(targets, tuple(loads), 1, seconds, Path(cache)), say).measure()
    figures = Figures(run.samples, run.idle)
    costs, memory = [], []
    for load in loads:
        cell = figures.cell("shadow", load.name)
        if cell.cost is None:
            say(f"{load.about}: not measured: {cell.error or run.missing.get('shadow', 'nothing came')}")
        else:
            costs.append(Point(load.connections, cell.cost))
        each = figures.stream_memory("shadow", load.name)
        # A few streams take less than what comes and goes by itself.
        if each is not None and each > 0 and load.connections >= 50:
            memory.append(Point(load.connections, each))
    about = "open streams"
    found = [
        Curve(name="streams", x=about, y="CPU µs per event", wanted="constant", points=tuple(costs)),
        Curve(name="streams, memory", x=about, y="bytes each", wanted="constant", points=tuple(memory)),
    ]
    return [curve for curve in found if curve.points]

"""The bar that the cost is measured against: what must be reached, and the stretch.

The figures are the project's goals; here they are only read off. Policies are on in shadow, prompts have
2 KB, peers are bare, all on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from benchmarks.side_by_side.figures import BASE, OURS, Figures
from benchmarks.side_by_side.loader import Seen
from benchmarks.side_by_side.scenarios import SCENARIOS

Met = Literal["stretch", "goal", "no", "not measured"]
HELD = 0.98
"""Part of the 25,000 events a second that must come through for the load to count as held."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that has to be at least (or at most) `goal`, better `stretch`."""

    what: str
    sense: Literal["least", "most"]
    goal: float
    stretch: float
    unit: str
    read: Callable[[Figures], float | None]

    def met(self, value: float | None) -> Met:
        """How far this value goes."""
        if value is None:
            return "not measured"
        for word, bound in (("stretch", self.stretch), ("goal", self.goal)):
            if value >= bound if self.sense == "least" else value <= bound:
                return word  # type: ignore[return-value]  # mypy widens the literals of the tuple
        return "no"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the bar as it was read off."""

    what: str
    asked: str
    stretch: str
    seen: float | None
    unit: str
    met: Met


def _times(peer: str, scenario: str, ours: str = OURS) -> Callable[[Figures], float | None]:
    return lambda figures: figures.ratio(peer, ours, scenario)


def _share(peer: str, ours: str = OURS) -> Callable[[Figures], float | None]:
    return lambda figures: figures.ratio(ours, peer, "J")


def _latency(seen: Seen) -> float | None:
    return seen.latency and seen.latency[0] * 1e3


def _added_by_policies(figures: Figures) -> float | None:
    return figures.added(OURS, "envoy", "L", _latency)


def _added_to_events(figures: Figures) -> float | None:
    """p99 of events over that without a proxy, in ms; infinite if the load was not held."""
    added = figures.added(OURS, BASE, "S500", lambda seen: seen.delay and seen.delay[1] * 1e3)
    load = SCENARIOS["S500"]
    rate = figures.cell(OURS, "S500").rate
    if rate is not None and rate < HELD * load.connections * 1000 / load.pace:
        return float("inf")
    return added


def _idle(figures: Figures) -> float | None:
    idle = figures.idle.get(OURS)
    return None if idle is None else idle / 1e6


def _stream(figures: Figures) -> float | None:
    each = figures.stream_memory(OURS)
    return None if each is None else each / 1e3


GOALS = (
    Goal("LiteLLM, CPU per request", "least", 60, 100, "times less", _times("litellm", "J")),
    Goal("LiteLLM, CPU per event at 5 ms pace", "least", 6, 12, "times less", _times("litellm", "D5")),
    Goal("Portkey, CPU per request", "least", 7, 12, "times less", _times("portkey", "J")),
    Goal("Portkey, CPU per burst event", "least", 6, 10, "times less", _times("portkey", "B")),
    Goal("mitmproxy, CPU per request", "least", 5, 8, "times less", _times("mitmproxy", "J")),
    Goal("mitmproxy, CPU per burst event", "least", 8, 15, "times less", _times("mitmproxy", "B")),
    Goal("Starlette + httpx, CPU per request", "least", 7, 12, "times less", _times("starlette-httpx", "J")),
    Goal("Envoy + ext_proc, CPU per request", "least", 3, 5, "times less", _times("ext-proc", "J")),
    Goal("Envoy, CPU per request", "most", 3.5, 2, "times", _share("envoy")),
    Goal("Envoy, CPU per request, policies off", "most", 1.2, 0.9, "times", _share("envoy", "off")),
    Goal("p50 above Envoy's at 200 requests a second", "most", 0.3, 0.1, "ms", _added_by_policies),
    Goal("p99 added to 25,000 events a second", "most", 3, 1.5, "ms", _added_to_events),
    Goal("memory, idle", "most", 60, 30, "MB", _idle),
    Goal("memory, per stream", "most", 40, 20, "kB", _stream),
)


def verdicts(figures: Figures) -> list[Verdict]:
    """Every row of the bar."""
    sign = {"least": "≥", "most": "≤"}
    found = []
    for goal in GOALS:
        seen = goal.read(figures)
        asked, stretch = (f"{sign[goal.sense]} {bound:g} {goal.unit}" for bound in (goal.goal, goal.stretch))
        row = Verdict(
            what=goal.what, asked=asked, stretch=stretch, seen=seen, unit=goal.unit, met=goal.met(seen)
        )
        found.append(row)
    return found

"""What is sent at what pace: five loads, each of which shows one cost by itself.

Data only; `loader` carries it out. Short names are the columns of tables and the words of `--scenarios`.
"""

from __future__ import annotations

from dataclasses import dataclass

EVENTS = 200
"""Events in a stream."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load. Open loop with `rate` (requests a second), else each connection asks again when answered."""

    name: str
    about: str
    connections: int
    pace: int = 0
    """Milliseconds between the events of a stream."""
    events: int = 0
    """Events in each answer; 0 for one JSON document."""
    rate: float = 0.0

    @property
    def ramp(self) -> float:
        """Seconds over which connections begin: paced streams spread over their length, as in daily life."""
        return self.pace * self.events / 1000

    @property
    def stream(self) -> bool:
        """Whether answers are streams."""
        return self.events > 0


SCENARIOS = {
    own.name: own
    for own in (
        Scenario("J", "JSON answers, 32 connections, each asking again at once", 32),
        Scenario("L", "JSON answers, 200 requests a second whatever happens", 64, rate=200.0),
        Scenario("B", "streams sent in one burst, 16 connections", 16, events=EVENTS),
        Scenario("D5", "10 streams, one event every 5 ms", 10, pace=5, events=EVENTS),
        Scenario("S500", "500 streams, one event every 20 ms: 25,000 events a second", 500, 20, EVENTS),
    )
}

"""Published detectors and plain counters, for the same traffic in the same run.

Each gives every request of a principal a number, higher for worse; where the alarm stands is chosen by
`benchmarks.detection.compare` for all of them alike. What each leaves out of its paper stands in its file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Scores = Mapping[str, Sequence[float]]
"""By principal: one number a request."""
SILENT = float("-inf")
"""Of a request on which a detector has nothing to say yet."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A detector to compare with; where it learns, then from the honest half that a principal is not in."""

    name: str
    about: str
    scores: Scores

"""A clock and a source of ids that know when each request came; for every driver, so it imports none."""

from __future__ import annotations

from collections.abc import Sequence


class Timetable:
    """Request k has the id `replay-k` and the k-th time, from its beginning to its end.

    It turns over when an id is asked for, so requests come one after another.
    """

    def __init__(self, times: Sequence[float]) -> None:
        self._times = times
        self._number = 0

    def new_id(self) -> str:
        """The id of the next request; from now on it is its time."""
        self._number += 1
        return f"replay-{self._number}"

    def __call__(self) -> float:
        """The time of the request that is being served."""
        return self._times[self._number - 1]

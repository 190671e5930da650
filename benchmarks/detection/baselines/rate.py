"""Per-key rate limits: requests of a key in a sliding window, the counter that every gateway has."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from benchmarks.detection.accounts import Accounts
from benchmarks.detection.baselines import Baseline

WINDOWS = (("minute", 60.0), ("hour", 3600.0), ("day", 86400.0))


def baselines(accounts: Accounts) -> list[Baseline]:
    """One per window."""
    return [
        Baseline(
            f"rate per {name}",
            f"requests of one key in the last {name}",
            {who: counts(account.ts, window) for who, account in accounts.items()},
        )
        for name, window in WINDOWS
    ]


def counts(times: Sequence[float], window: float) -> array[float]:
    """For each request: how many there were in the window that ends with it."""
    found = array("f")
    begins = 0
    for at, now in enumerate(times):
        while times[begins] <= now - window:
            begins += 1
        found.append(at - begins + 1)
    return found

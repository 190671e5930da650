"""`python -m benchmarks.side_by_side.gate`: does the gateway still cost what it did, in multiples of a floor?

Absolute times say nothing on a shared machine, so what is kept in `gate.json` are ratios within one run: ours
over `bare`, the same server and client without a gateway. A ratio above the kept one times the tolerance
fails, if four further runs find it too; `--write` keeps what was seen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from benchmarks.side_by_side.figures import Figures
from benchmarks.side_by_side.processes import TargetError
from benchmarks.side_by_side.rounds import Bench, Options
from benchmarks.side_by_side.scenarios import SCENARIOS
from benchmarks.side_by_side.targets import OWN

KEPT = Path(__file__).with_name("gate.json")
BASE = "bare"
WATCHED = ("off", "shadow")
LOADS = ("J", "B")
TOLERANCE = 1.5
"""Ratios of one run moved by up to 1.3 with other tenants of the machine."""
AGAIN = 4
"""Further runs before growth is believed."""


class Row(msgspec.Struct, frozen=True):
    """One ratio: what it is, what was kept, what was seen."""

    what: str
    kept: float | None
    seen: float | None

    @property
    def good(self) -> bool:
        """Whether it is measured, known and not much above what was kept."""
        return self.kept is not None and self.seen is not None and self.seen <= self.kept * TOLERANCE


def ratios(figures: Figures) -> dict[str, float | None]:
    """Each watched target over the base, under each load."""
    return {f"{name} {load}": figures.ratio(name, BASE, load) for name in WATCHED for load in LOADS}


def rows(kept: Mapping[str, float], seen: Mapping[str, float | None]) -> Iterator[Row]:
    """Kept and seen side by side; what is missing on either side is a row, too."""
    for what in {**kept, **seen}:
        yield Row(what, kept.get(what), seen.get(what))


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0, 1 when a ratio has grown, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(prog="benchmarks.side_by_side.gate", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--write", action="store_true", help=f"keep what is seen in {KEPT.name}")
    given = parser.parse_args(arguments)
    try:
        seen = measured(given.rounds, given.seconds)
        if given.write:
            found = {what: round(value, 2) for what, value in seen.items() if value is not None}
            KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
        kept = msgspec.json.decode(KEPT.read_bytes(), type=dict[str, float])
        for _ in range(AGAIN):
            if all(row.good for row in rows(kept, seen)):
                break
            # Neighbours that came and went look like growth, but not every time.
            seen = lower(seen, measured(given.rounds, given.seconds))
    except TargetError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return judge(list(rows(kept, seen)))


def measured(rounds: int, seconds: float) -> dict[str, float | None]:
    """The ratios of one run. Raises TargetError if a target did not run."""
    targets = tuple(own for own in OWN if own.name in (BASE, *WATCHED))
    loads = tuple(SCENARIOS[name] for name in LOADS)
    run = Bench(Options(targets, loads, rounds, seconds, Path()), lambda line: None).measure()
    for name, why in run.missing.items():
        raise TargetError(f"{name}: {why}")
    return ratios(Figures(run.samples, run.idle))


def lower(one: Mapping[str, float | None], other: Mapping[str, float | None]) -> dict[str, float | None]:
    """Of each ratio the lower, or the one that there is."""
    pairs = {what: [value for value in (one[what], other.get(what)) if value is not None] for what in one}
    return {what: min(values, default=None) for what, values in pairs.items()}


def judge(found: list[Row]) -> int:
    """Print the rows; 0 if all are good, 1 if one has grown, 2 if one was not measured."""
    for row in found:
        kept, seen = ("-" if value is None else f"{value:.2f}" for value in (row.kept, row.seen))
        word = "ok" if row.good else "NOT OK"
        sys.stdout.write(
            f"{row.what:<10} {seen:>7} times {BASE}, kept {kept}, tolerance {TOLERANCE}: {word}\n"
        )
    if any(row.seen is None for row in found):
        return 2
    return 0 if all(row.good for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())

"""`python -m benchmarks.side_by_side`: run the suite, print its tables, write JSON and a picture."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from benchmarks.side_by_side.bar import verdicts
from benchmarks.side_by_side.figures import Figures
from benchmarks.side_by_side.peers import PEERS
from benchmarks.side_by_side.plot import plot
from benchmarks.side_by_side.processes import TargetError
from benchmarks.side_by_side.rounds import Bench, Options, Run
from benchmarks.side_by_side.scenarios import SCENARIOS
from benchmarks.side_by_side.tables import bar_table, memory_table, missing_table, scenario_table
from benchmarks.side_by_side.targets import OWN, Target
from gateway.words import quote, suggest

TARGETS = {own.name: own for own in (*OWN, *PEERS)}
GROUPS = {"ours": tuple(own.name for own in OWN if own.ours)}


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 when the input or the machine is wrong."""
    parser = argparse.ArgumentParser(prog="benchmarks.side_by_side", description=__doc__)
    parser.add_argument("--peers", help=f"only these, `direct` always: {','.join([*TARGETS, *GROUPS])}")
    parser.add_argument("--scenarios", help=f"only these: {','.join(SCENARIOS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each window")
    parser.add_argument("--cache", type=Path, default=Path(".cache/bench"), help="where peers are installed")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="for JSON and the picture")
    given = parser.parse_args(arguments)
    try:
        options = Options(
            targets=chosen_targets(given.peers),
            scenarios=tuple(SCENARIOS[name] for name in _names(given.scenarios, SCENARIOS, "scenario")),
            rounds=given.rounds,
            seconds=given.seconds,
            cache=given.cache,
        )
        run = Bench(options, lambda line: print(line, file=sys.stderr, flush=True)).measure()  # noqa: T201
    except TargetError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    report(options, run, given.out)
    return 0


def chosen_targets(text: str | None) -> tuple[Target, ...]:
    """The targets named in `text`, in the order of the table, and always `direct`. Raises TargetError."""
    names = _names(text, {**TARGETS, **GROUPS}, "target")
    wanted = {"direct", *(own for name in names for own in GROUPS.get(name, (name,)))}
    return tuple(target for name, target in TARGETS.items() if name in wanted)


def _names(text: str | None, known: dict[str, Any], kind: str) -> list[str]:
    if not text:
        return list(known)
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise TargetError(f"no {kind} is called {quote(name)}{suggest(name, known)}")
    return names


def report(options: Options, run: Run, out: Path) -> None:
    """Tables to the terminal, everything to `bench.json`, the picture to `bench.svg`."""
    figures = Figures(run.samples, run.idle)
    bar = verdicts(figures)
    console = Console(width=None if sys.stdout.isatty() else 150)
    for scenario in options.scenarios:
        console.print(scenario_table(figures, scenario, options.targets))
    console.print(memory_table(figures, options.targets, run.versions))
    if run.missing:
        console.print(missing_table(run.missing))
    console.print(bar_table(bar))
    out.mkdir(parents=True, exist_ok=True)
    cells = [figures.cell(own.name, one.name) for one in options.scenarios for own in options.targets]
    document = {
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "load": os.getloadavg()},
        "rounds": options.rounds,
        "seconds": options.seconds,
        "versions": run.versions,
        "missing": run.missing,
        "bar": bar,
        "cells": cells,
        "idle": run.idle,
        "samples": run.samples,
    }
    (out / "bench.json").write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    (out / "bench.svg").write_text(plot(figures, options.scenarios, options.targets), "utf-8")
    console.print(f"written: {out / 'bench.json'}, {out / 'bench.svg'}")


if __name__ == "__main__":
    sys.exit(main())

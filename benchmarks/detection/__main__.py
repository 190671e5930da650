"""`python -m benchmarks.detection DATA`: run the benchmark, print its tables, write JSON and plots."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.detection.calibrate import TUNE
from benchmarks.detection.run import PARTS, Options, run
from gateway.errors import ConfigError


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 when the input is wrong."""
    parser = argparse.ArgumentParser(prog="benchmarks.detection", description=__doc__)
    parser.add_argument("data", type=Path, help="a directory of traffic, or one with `traffic` below it")
    parser.add_argument("--split", help="which directory below `traffic`, where there are several")
    parser.add_argument("--policies", type=Path, default=Path("policies"))
    parser.add_argument("--out", type=Path, default=Path("build/detection"), help="for JSON and plots")
    parser.add_argument("--share", type=_share, default=1.0, help="part of campaigns and honest units, 0…1")
    parser.add_argument("--scenarios", type=_names, default=(), help="only these attacks: a,b")
    parser.add_argument("--most", type=int, default=0, help="requests looked at per principal; 0: all")
    parser.add_argument("--calibrate", type=Path, help="a directory with an honest week of the deployment")
    parser.add_argument(
        "--tune",
        nargs="?",
        const=TUNE,
        metavar="WORDS",
        help=f"also calibrate through `gateway tune`; by default: {TUNE}".replace("%", "%%"),
    )
    parser.add_argument("--parts", type=_names, default=None, help=f"of {','.join(PARTS)}; all but the last")
    given = vars(parser.parse_args(arguments))
    try:
        run(Options(**{name: value for name, value in given.items() if value is not None}))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no part: write a number above 0, up to 1")
    return value


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


if __name__ == "__main__":
    sys.exit(main())

"""`python -m benchmarks.scale`: measure the curves, name their growth, write JSON and a picture."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.scale.engine import CURVES
from benchmarks.scale.laws import Curve
from benchmarks.scale.plot import plot
from benchmarks.scale.streams import SIZES, streams
from benchmarks.side_by_side.processes import TargetError
from gateway.words import quote, suggest

PARTS = (*CURVES, "streams")


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0, 1 when something grows faster than it may, 2 when the input is wrong."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument(
        "--most", type=int, default=0, help="the largest x, also of principals beyond 100,000"
    )
    parser.add_argument("--out", type=Path, default=Path("build/scale"), help="for JSON and the picture")
    given = parser.parse_args(arguments)
    try:
        found = measured(given.parts.split(","), given.most)
    except TargetError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    show(found, given.out)
    return 0 if all(curve.good for curve in found) else 1


def measured(parts: Iterable[str], most: int) -> list[Curve]:
    """The curves of these parts. Raises TargetError for a part that is none."""
    wanted = [part.strip() for part in parts]
    for part in wanted:
        if part not in PARTS:
            raise TargetError(f"no part is called {quote(part)}{suggest(part, PARTS)}")
    found: list[Curve] = []
    for part in wanted:
        sys.stderr.write(f"{part}\n")
        if part == "streams":
            found += streams(within(SIZES, most), lambda line: print(line, file=sys.stderr))  # noqa: T201
        else:
            measure, sizes = CURVES[part]
            # A million principals take minutes to make up, so the curve goes that far only if asked.
            found += measure(within(sizes, most, further=part == "principals"))
    return found


def within(sizes: tuple[int, ...], most: int, further: bool = False) -> list[int]:
    """The sizes up to `most` (0: all), and, if asked for, further ones in powers of ten."""
    if not most:
        return list(sizes)
    found = [size for size in sizes if size <= most] or [most]
    while further and found[-1] * 10 <= most:
        found.append(found[-1] * 10)
    return found


def show(curves: list[Curve], out: Path) -> None:
    """A table for people, everything for programs, and the picture."""
    table = Table(title="growth", title_justify="left")
    for at, head in enumerate(("against", "what", "points", "exponent", "growth", "wanted")):
        table.add_column(head, justify="right" if at == 3 else "left")
    for curve in curves:
        points = "  ".join(f"{_short(point.x)}: {point.y:,.3g}" for point in curve.points)
        words = curve.law if curve.good else f"[bold]{curve.law}[/bold]"
        table.add_row(curve.x, curve.y, points, f"{curve.exponent:.2f}", words, f"{curve.wanted} at most")
    console = Console(width=None if sys.stdout.isatty() else 180)
    console.print(table)
    out.mkdir(parents=True, exist_ok=True)
    document = [
        {**msgspec.to_builtins(curve), "exponent": curve.exponent, "law": curve.law, "good": curve.good}
        for curve in curves
    ]
    (out / "scale.json").write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    (out / "scale.svg").write_text(plot(curves), "utf-8")
    console.print(f"written: {out / 'scale.json'}, {out / 'scale.svg'}")


def _short(value: float) -> str:
    for power, letter in ((1e6, "M"), (1e3, "k")):
        if value >= power:
            return f"{value / power:g}{letter}"
    return f"{value:g}"


if __name__ == "__main__":
    sys.exit(main())

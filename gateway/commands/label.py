"""`gateway label`: look at a stratified sample of principals and say what they are."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gateway.errors import ConfigError, Place

if TYPE_CHECKING:
    from gateway.labels import Drawn

COLUMNS = ("principal", "label", "band", "probability", "labelled_at")
_KEYS = {"b": "benign", "e": "extraction", "u": "unclear"}


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "label",
        help="label a stratified sample of principals",
        description=run.__doc__,
        epilog="example: gateway label var/decisions.jsonl --queue 40 --labels labels.csv",
    )
    parser.add_argument("logs", nargs="+", type=Path, metavar="FILE", help="decision records")
    parser.add_argument(
        "--labels", type=Path, default=Path("labels.csv"), metavar="CSV", help="kept and added to"
    )
    parser.add_argument("--queue", type=int, default=30, metavar="N", help="how many to draw")
    parser.add_argument("--seed", default="1", help="another seed draws another sample")
    parser.add_argument("--list", action="store_true", help="only show the queue")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="with --list")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Draw principals from decision records, as many from each band of scores, and ask what each is.

    Answers go to a CSV file with the probability with which each was drawn; principals that it already
    holds are not asked again. Unlabelled never means benign.
    """
    from gateway.evaluation.entries import entries
    from gateway.evaluation.labels import read_answered
    from gateway.labels import draw, summarise

    subjects = summarise(entries(options.logs))
    known = read_answered(options.labels) if options.labels.exists() else frozenset()
    queue = draw(subjects, options.queue, options.seed, known)
    if options.list:
        _show(queue, options.output)
        return 0
    with _appending(options.labels) as file:
        return _review(queue, file)


def _appending(path: Path) -> IO[str]:
    begun = path.exists() and path.stat().st_size > 0
    try:
        file = path.open("a", newline="", encoding="utf-8")
    except OSError as error:
        raise ConfigError.at(Place(str(path)), f"cannot be written: {error.strerror}") from None
    if not begun:
        csv.writer(file).writerow(COLUMNS)
    return file


def _review(queue: Sequence[Drawn], file: IO[str]) -> int:
    rows = csv.writer(file)
    for place, drawn in enumerate(queue, 1):
        sys.stdout.write(f"\n{place}/{len(queue)}  {_line(drawn)}\n")
        for reason in drawn.subject.reasons:
            sys.stdout.write(f"    {reason}\n")
        answer = _ask()
        if answer == "q":
            break
        if answer in _KEYS:
            name = drawn.subject.principal
            rows.writerow((name, _KEYS[answer], drawn.band, f"{drawn.probability:.6g}", f"{time.time():.0f}"))
            file.flush()
    return 0


def _ask() -> str:
    """`b`, `e`, `u`, `s` or `q`; the end of the input is `q`."""
    while True:
        sys.stdout.write("[b]enign, [e]xtraction, [u]nclear, [s]kip, [q]uit? ")
        sys.stdout.flush()
        line = sys.stdin.readline()
        answer = line.strip().lower()[:1] if line else "q"
        if answer in (*_KEYS, "s", "q"):
            return answer


def _line(drawn: Drawn) -> str:
    subject = drawn.subject
    org = f" ({subject.org})" if subject.org else ""
    return f"{subject.principal}{org}: {subject.requests:,} requests, highest shadow score {subject.peak:.1f}"


def _show(queue: Sequence[Drawn], output: str) -> None:
    if output == "json":
        sys.stdout.write(json.dumps([asdict(drawn) for drawn in queue], indent=2) + "\n")
        return
    for drawn in queue:
        sys.stdout.write(f"{drawn.band:>7}  p={drawn.probability:.3g}  {_line(drawn)}\n")

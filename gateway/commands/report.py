"""`gateway report`: what policies did, and would have done, from decision records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.units import percent

if TYPE_CHECKING:
    from gateway.evaluation.cases import Cases
    from gateway.evaluation.report import Report
    from gateway.policies.bundle import Bundle
    from gateway.records import Record


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "report",
        help="who would have been hit, why, and at what cost",
        description=run.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=(
            "examples:\n"
            "  gateway report var/decisions.jsonl --labels labels.csv --html report.html\n"
            "  gateway report june.jsonl.zst -o json > june.json\n"
            "  gateway report july.jsonl.zst --previous june.json"
        ),
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="decision records, plain, gzip or zstd"
    )
    parser.add_argument(
        "--policies",
        type=Path,
        default=Path("policies"),
        metavar="DIR",
        help="the ladder and numbers to judge by",
    )
    add_judging(parser)
    parser.add_argument(
        "--previous", type=Path, metavar="FILE", help="an earlier report (JSON), for what drifted"
    )
    parser.add_argument("-o", "--output", choices=("text", "json", "markdown"), default="text")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write one self-contained page")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def add_judging(parser: argparse.ArgumentParser) -> None:
    """Options that say what is known of principals, and what would be too much."""
    parser.add_argument("--labels", type=Path, metavar="CSV", help="columns principal, label (gateway label)")
    parser.add_argument("--assume-benign", action="store_true", help="count unlabelled principals as benign")
    parser.add_argument(
        "--max-benign",
        type=share,
        default=0.01,
        metavar="PERCENT",
        help="of benign principals (default: 1%%)",
    )


def share(text: str) -> float:
    """`1%` as 0.01, above 0 and below 100%. Raises argparse.ArgumentTypeError."""
    try:
        found = percent(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: write 1% or 0.5%")
    return found


def run(options: argparse.Namespace) -> int:
    """Report on decision records: who would have been hit, since when and why; which signals work; the cost
    to benign users; precision with labels; what was given away before a rung; thresholds; exemptions; and
    whether each policy is ready to act. Counts are principals, with exact intervals.
    """
    from gateway.errors import ConfigError, Place
    from gateway.evaluation.cases import Cases
    from gateway.evaluation.entries import entries
    from gateway.evaluation.labels import read_labels
    from gateway.evaluation.promises import read_promises
    from gateway.evaluation.report import read_report, report
    from gateway.policies.load import load_bundle
    from gateway.progress import progress

    bundle = load_bundle(options.policies)
    labels = {} if options.labels is None else read_labels(options.labels)
    previous = None if options.previous is None else read_report(options.previous)
    cases = Cases(bundle, assume_benign=options.assume_benign)
    for path in options.files:
        if not path.is_file():
            raise ConfigError.at(Place(str(path)), "no such file")
    with progress("reading", None, quiet=options.quiet) as tick:
        for entry in entries(options.files, tick):
            cases.add(entry)
    cases.label(labels)
    promises = read_promises(options.policies, [policy.id for policy in bundle.policies])
    made = report(cases, promises=promises, max_benign=options.max_benign, previous=previous)
    if options.html is not None:
        _write(options.html, made)
    _show(made, options.output)
    return 0


def _show(made: Report, output: str) -> None:
    from gateway.evaluation.report import encode
    from gateway.evaluation.sections import FOOTER, headline, sections
    from gateway.evaluation.text import markdown, text

    if output == "json":
        sys.stdout.buffer.write(encode(made))
    elif output == "markdown":
        sys.stdout.write(markdown("Would have fired", headline(made), sections(made), FOOTER))
    else:
        sys.stdout.write(text(headline(made), sections(made), FOOTER))


def _write(path: Path, made: Report) -> None:
    from gateway.errors import ConfigError, Place
    from gateway.evaluation.page import page
    from gateway.evaluation.sections import FOOTER

    try:
        path.write_text(page(made, FOOTER), "utf-8", errors="replace")
    except OSError as error:
        raise ConfigError.at(Place(str(path)), f"cannot be written: {error.strerror}") from None


@dataclass(slots=True)
class Page:
    """What `gateway replay --html` collects while it replays."""

    cases: Cases | None
    truths: dict[str, str] = field(default_factory=dict)

    def add(self, record: Record, sink: Callable[[Record], None]) -> None:
        """One more record, which `sink` gets too."""
        from gateway.evaluation.entries import entry_of

        sink(record)
        if self.cases is not None:
            self.cases.add(entry_of(record))


@contextmanager
def write_page(path: Path | None, bundle: Bundle, policies: Path) -> Iterator[Page]:
    """Yields what collects a replay under `bundle`; the page is written at the end, if a path is given.

    Raises ConfigError when it cannot be written.
    """
    from gateway.evaluation.cases import Cases, Label
    from gateway.evaluation.promises import read_promises
    from gateway.evaluation.report import report

    page = Page(None if path is None else Cases(bundle))
    yield page
    if path is not None and page.cases is not None:
        page.cases.label({name: Label(truth) for name, truth in page.truths.items()})
        promises = read_promises(policies, [policy.id for policy in bundle.policies])
        _write(path, report(page.cases, promises=promises))

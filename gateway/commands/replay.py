"""`gateway replay`: policies against recorded traffic."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.commands.record import add_identity
from gateway.errors import ConfigError, Place

if TYPE_CHECKING:
    from gateway.records import Record

_EXAMPLE = """\
examples:
  gateway replay traffic.jsonl.zst                          what the policies in policies/ would have done
  gateway replay dumps/ --policies mine --as-mode enforce   and if none were in shadow or rolled out in part
  gateway replay traffic.har --records records.jsonl --html report.html
  gateway report records.jsonl --labels labels.csv          with --records: the full report

Formats: docs/inputs.md. Nothing waits: a week of traffic takes minutes.
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "replay",
        help="score recorded traffic offline",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="files or directories, in any known format"
    )
    parser.add_argument(
        "--policies", type=Path, default=Path("policies"), metavar="DIR", help="(default: policies)"
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument(
        "--mode", choices=("shadow", "enforce"), default="enforce", help="the ceiling (default: enforce)"
    )
    parser.add_argument(
        "--as-mode", choices=("enforce",), help="evaluate every policy as enforced, without rollout"
    )
    parser.add_argument("--records", type=Path, metavar="FILE", help="also write one record per request")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write the report as one page")
    parser.add_argument(
        "--max-principals",
        type=_positive,
        default=1_000_000,
        metavar="N",
        help="remembered at once (%(default)s)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_identity(parser)
    parser.set_defaults(run=run)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Score recorded traffic under its own clock and report who would have reached which rung."""
    from gateway.adapters import replay
    from gateway.commands.report import write_page
    from gateway.evaluable import evaluability
    from gateway.gate import Gate
    from gateway.model import Mode
    from gateway.policies.compile import with_mode
    from gateway.policies.load import load_bundle
    from gateway.progress import progress
    from gateway.readers.settings import reader_settings
    from gateway.reports import replay_text
    from gateway.stores.memory import MemoryStore
    from gateway.traffic import discover, merged, survey

    began = time.perf_counter()
    bundle = load_bundle(options.policies)
    if options.as_mode:
        bundle = with_mode(bundle, Mode.ENFORCE)
    files = discover(options.files)
    with progress("reading", None, quiet=options.quiet) as tick:
        plan = survey(files, tick, settings=reader_settings(options.config, options.secret_file))
    gate = Gate(bundle, Mode[options.mode.upper()], MemoryStore(options.max_principals), replay.Nobody())
    with (
        _record_file(options.records, files) as sink,
        write_page(options.html, bundle, options.policies) as page,
        progress("replaying", plan.lines, quiet=options.quiet) as tick,
    ):
        report = replay.replay(gate, merged(plan), sink=lambda record: page.add(record, sink), tick=tick)
        page.truths = report.truths()
    document = report.document(time.perf_counter() - began)
    document["signals"] = evaluability(bundle, plan.forms, plan.definitions).document()
    if options.output == "json":
        sys.stdout.buffer.write(replay.encode(document))
    else:
        sys.stdout.write(replay_text(document))
    return 0


@contextlib.contextmanager
def _record_file(path: Path | None, inputs: Sequence[Path]) -> Iterator[Callable[[Record], None]]:
    """Yields what takes the records. Raises ConfigError when the file cannot be written."""
    from gateway.records import to_json

    if path is None:
        yield lambda record: None
        return
    if path.exists() and any(path.samefile(file) for file in inputs):
        raise ConfigError.at(Place(str(path)), "this is recorded traffic: write the records elsewhere")
    with _writing(path):
        file = path.open("wb")

    def write(record: Record) -> None:
        with _writing(path):
            file.write(to_json(record, "features"))

    try:
        yield write
    finally:
        with _writing(path):
            file.close()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError.at(Place(str(path)), f"cannot be written: {error.strerror}") from None

"""`gateway tune`: where a rung or ramps might stand, from recorded traffic; or that it cannot be known yet.

The options, and the search for a rung's threshold; `--learn` is done in `gateway.commands.learn`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.commands.record import add_identity
from gateway.commands.report import add_judging
from gateway.units import duration

if TYPE_CHECKING:
    from gateway.evaluation.cases import Cases
    from gateway.evaluation.thresholds import Tuning
    from gateway.policies.bundle import Bundle

_Span = tuple[float, float]


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "tune",
        help="suggest a rung's threshold, or ramps and points, if they can be known",
        description=run.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=(
            "examples:\n"
            "  gateway tune week.jsonl.gz --rung throttle --max-benign 1% --fit 0h..84h --check 84h..168h\n"
            "  gateway tune week/ --learn --assume-benign --fit 0h..96h --check 96h..168h --write\n"
            "  gateway tune week/ --learn volume logprobs.many-bias-sets --labels labels.csv "
            "--fit 0h..96h --check 96h..168h"
        ),
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recorded traffic")
    parser.add_argument("--policies", type=Path, default=Path("policies"), metavar="DIR")
    _add_learning(parser)
    for name, meaning in (("--fit", "choose the numbers on"), ("--check", "confirm it on")):
        parser.add_argument(
            name, type=_span, required=True, metavar="FROM..TO", help=f"{meaning} this part, as 0h..12h"
        )
    add_judging(parser)
    parser.add_argument(
        "--write", action="store_true", help="put the suggestion into the policy files (only what is known)"
    )
    parser.add_argument("-o", "--output", choices=("text", "json", "markdown"), default="text")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_identity(parser)
    parser.set_defaults(run=run)


def _add_learning(parser: argparse.ArgumentParser) -> None:
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--rung", metavar="RUNG", help="the rung whose 'at' is asked for")
    asked.add_argument(
        "--learn",
        nargs="*",
        metavar="SIGNAL",
        help="learn ramps, points and caps of these signals or policies (default: of all)",
    )
    parser.add_argument(
        "--looser-only",
        action="store_true",
        help="with --learn: make nothing more strict, as for deployments other than the recorded one",
    )
    parser.add_argument(
        "--note",
        type=_note,
        default="recorded traffic",
        metavar="NAME",
        help="what --learn --write calls the data",
    )


def _span(text: str) -> _Span:
    begins, dots, ends = text.partition("..")
    try:
        span = duration(begins), duration(ends)
    except ValueError:
        span = (0.0, 0.0)
    if not dots or span[0] >= span[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is not a part of the trace: write 0h..12h")
    return span


def _note(text: str) -> str:
    if not text.isprintable() or not text or {'"', "\\"} & set(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: write words without quotes and backslashes")
    return text


def run(options: argparse.Namespace) -> int:
    """Try every threshold of one rung on the --fit part of recorded traffic, and check the suggested one on
    the --check part, where principals not seen before are counted apart. With --learn: find where the benign
    principals of the fit end on each windowed signal, move ramps, points and caps there, and replay them on
    both parts. Times are from the start of the trace. Says "you cannot know that yet" when the data are too
    few. Nothing is written without --write.
    """
    _disjoint(options.fit, options.check)
    if options.learn is None:
        return _threshold(options)
    from gateway.commands.learn import run as learn

    return learn(options)


def _threshold(options: argparse.Namespace) -> int:
    from gateway.evaluation.report import encode
    from gateway.evaluation.sections import COUNTERFACTUAL, COUNTING, tuning_section
    from gateway.evaluation.text import markdown, text
    from gateway.evaluation.thresholds import tuning
    from gateway.policies.load import load_bundle

    bundle = load_bundle(options.policies)
    rung = _rung(bundle, options.rung)
    fit, check = _play(options, bundle)
    made = tuning(fit, rung, options.max_benign, check)
    lines = (f"bundle {bundle.hash} · rung {options.rung} · fit {_told(fit)} · check {_told(check)}",)
    footer = (COUNTING, COUNTERFACTUAL)
    if options.output == "json":
        sys.stdout.buffer.write(encode(made))
    elif options.output == "markdown":
        sys.stdout.write(markdown("Tuning", lines, (tuning_section(made),), footer))
    else:
        sys.stdout.write(text(lines, (tuning_section(made),), footer))
    return _write(options.policies, bundle, made) if options.write else 0


def _rung(bundle: Bundle, name: str) -> int:
    from gateway.errors import ConfigError, Place
    from gateway.words import quote, suggest

    names = [rung.id for rung in bundle.ladder.rungs]
    if name not in names:
        raise ConfigError.at(Place("--rung"), f"no rung {quote(name)}{suggest(name, names)}")
    return names.index(name)


def _disjoint(fit: _Span, check: _Span) -> None:
    from gateway.errors import ConfigError, Place

    if fit[0] < check[1] and check[0] < fit[1]:
        message = "overlaps --fit: a threshold reported on the data it was fitted to flatters"
        raise ConfigError.at(Place("--check"), message)


def _told(cases: Cases) -> str:
    return f"{cases.requests:,} requests of {len(cases.cases):,} principals"


def _play(options: argparse.Namespace, bundle: Bundle) -> tuple[Cases, Cases]:
    """One replay of the whole trace, so that windows are warm in the second part, split by time."""
    from gateway.adapters.trial import play, read_trace
    from gateway.evaluation.cases import Cases
    from gateway.evaluation.entries import Entry
    from gateway.evaluation.labels import read_labels
    from gateway.model import Mode

    labels = {} if options.labels is None else read_labels(options.labels)
    trace = read_trace(options.files, quiet=options.quiet, config=options.config, secret=options.secret_file)
    fit, check = (Cases(bundle, assume_benign=options.assume_benign) for _ in range(2))
    begins: list[float] = []

    def sink(entry: Entry) -> None:
        if not begins:
            begins.append(entry.ts)
        at = entry.ts - begins[0]
        for cases, span in ((fit, options.fit), (check, options.check)):
            if span[0] <= at < span[1]:
                cases.add(entry)

    found = play(trace, bundle, Mode.ENFORCE, sink)
    for cases in (fit, check):
        cases.label({**found, **labels})
    return fit, check


def _write(policies: Path, bundle: Bundle, made: Tuning) -> int:
    """Put the suggestion into the file; 1 when there is none to be put there."""
    from gateway.commands.edits import Edit, apply_edits

    if not made.known:
        sys.stderr.write("nothing written: the threshold is not known\n")
        return 1
    if made.suggested == made.now:
        sys.stderr.write("nothing written: the threshold stays\n")
        return 0
    path = ("rungs", made.rung, "at")
    edit = Edit(("ladder", bundle.ladder.id), path, f"{made.suggested:g}")
    (place,) = apply_edits(policies, [edit])
    sys.stderr.write(f"{place}: at {made.now:g} → {made.suggested:g}\n")
    return 0

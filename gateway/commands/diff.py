"""`gateway diff`: two policy directories, compared by their files and on recorded traffic."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.commands.record import add_identity

if TYPE_CHECKING:
    from gateway.evaluation.changes import Static
    from gateway.evaluation.comparison import Comparison
    from gateway.policies.bundle import Bundle


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "diff",
        help="compare two policy directories, on traffic too",
        description=run.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=(
            "example, as a job that fails a pull request:\n"
            "  gateway diff policies/ policies-next/ --trace traffic.jsonl.gz -o markdown \\\n"
            "      --gate 'benign_new_throttle <= 0' --gate 'caught_lost <= 0'\n\n"
            "gates: new_RUNG, released_RUNG, benign_new_RUNG, extraction_released_RUNG, …; caught_new,\n"
            "caught_lost; worse, better, benign_worse, …; benign_p; stricter, looser, counters_lost"
        ),
    )
    parser.add_argument("active", type=Path, metavar="A", help="policies as they are")
    parser.add_argument("candidate", type=Path, metavar="B", help="policies as they might be")
    parser.add_argument(
        "--trace",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="recorded traffic, in any known format",
    )
    parser.add_argument("--gate", nargs="+", action="extend", default=[], metavar="EXPR", help="must hold")
    parser.add_argument(
        "--track", choices=("enforced", "shadow"), help="default: enforced, unless all policies are in shadow"
    )
    parser.add_argument("-o", "--output", choices=("text", "json", "markdown"), default="text")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_identity(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare two policy directories: what changed and whether it is stricter or looser, whose counters go
    on, and, with --trace, who would stand on another rung, by name.

    Exits with 1 when a gate fails.
    """
    from gateway.errors import ConfigError, Place
    from gateway.evaluation.changes import static, values
    from gateway.evaluation.comparison import comparison_sections, headline, known_gates, unplayed
    from gateway.evaluation.report import encode
    from gateway.evaluation.sections import COUNTERFACTUAL, COUNTING
    from gateway.evaluation.text import markdown, text
    from gateway.policies.load import load_bundle

    if options.gate and not options.trace:
        raise ConfigError.at(Place("--gate"), "needs recorded traffic: --trace FILE")
    active, candidate = load_bundle(options.active), load_bundle(options.candidate)
    changed = static(active, candidate, values(options.active), values(options.candidate))
    known_gates(active, candidate, changed, options.gate)
    made = unplayed(active, changed)
    if options.trace:
        made = _played(options, active, candidate, changed)
    footer = (COUNTING, COUNTERFACTUAL) if options.trace else ()
    if options.output == "json":
        sys.stdout.buffer.write(encode(made))
    elif options.output == "markdown":
        sys.stdout.write(markdown("Policies compared", headline(made), comparison_sections(made), footer))
    else:
        sys.stdout.write(text(headline(made), comparison_sections(made), footer))
    return 0 if made.passed else 1


def _played(options: argparse.Namespace, active: Bundle, candidate: Bundle, changed: Static) -> Comparison:
    from gateway.adapters.trial import cases_of, read_trace
    from gateway.evaluation.comparison import compared, track_of

    trace = read_trace(options.trace, quiet=options.quiet, config=options.config, secret=options.secret_file)
    track = options.track or track_of((active, candidate))
    before, after = (cases_of(trace, bundle) for bundle in (active, candidate))
    return compared(before, after, changed, track, options.gate)

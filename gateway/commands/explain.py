"""`gateway explain`: why a request, a principal or a past decision scores what it scores."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.commands.record import add_identity
from gateway.errors import ConfigError, Place

if TYPE_CHECKING:
    from gateway.explain.choose import At
    from gateway.explain.view import Context, Explanation
    from gateway.policies.bundle import Bundle
    from gateway.records import Record

_EXAMPLE = """\
examples:

  gateway explain --request body.json                      what this request scores by itself
  gateway explain --request body.json --times 200 --every 10s    and if it were sent again and again
  gateway explain --principal key_3f2a --trace traffic.jsonl --at peak
  gateway explain --decision 73641f324dd41cb8c1476007 --log var/decisions.jsonl

Points of windowed signals fade with their policy's half-life: the score is the sum of the peaks.
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "explain",
        help="explain one request, principal or decision",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--request", type=Path, metavar="FILE", help="a request body (JSON)")
    what.add_argument("--principal", metavar="ID", help="a principal in a trace")
    what.add_argument("--decision", metavar="ID", help="a decision in the records")
    parser.add_argument("--policies", type=Path, default=Path("policies"), metavar="DIR")
    parser.add_argument("--route", default="/v1/chat/completions", metavar="PATH", help="of --request")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="--request, so many times")
    parser.add_argument("--every", type=_span, default=1.0, metavar="10s", help="--request, so often")
    parser.add_argument("--trace", type=Path, nargs="+", default=[], metavar="FILE", help="of --principal")
    parser.add_argument(
        "--at", type=_at, default="peak", metavar="WHEN", help="peak (default), a request's number, or a time"
    )
    parser.add_argument("--log", type=Path, nargs="+", default=[], metavar="FILE", help="of --decision")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_identity(parser)
    parser.set_defaults(run=run)


def _at(text: str) -> At:
    from gateway.explain.choose import at

    try:
        return at(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _span(text: str) -> float:
    from gateway.units import duration

    try:
        return duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace) -> int:
    """Show which signals gave which points, what they add up to, and what the next rung still needs."""
    from gateway.policies.load import load_bundle

    bundle = load_bundle(options.policies)
    if options.request is not None:
        found = _request(options, bundle)
    elif options.principal is not None:
        found = _principal(options, bundle)
    else:
        found = _decision(options, bundle)
    _print(found, options.output)
    return 0


def _print(found: Explanation, form: str) -> None:
    import msgspec

    from gateway.explain.text import text

    if form == "json":
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    else:
        sys.stdout.write(text(found, color=sys.stdout.isatty()))


def _request(options: argparse.Namespace, bundle: Bundle) -> Explanation:
    """The body alone, from somebody never seen before."""
    import msgspec

    from gateway.adapters.proof import started
    from gateway.dialects.routes import resolve
    from gateway.explain.view import Context
    from gateway.model import Mode
    from gateway.policytests.traffic import BEGIN
    from gateway.traffic import Line

    if resolve("POST", options.route) is None:
        raise ConfigError.at(Place("--route"), f"no known route: {options.route!r}")
    try:
        body = options.request.read_bytes()
        msgspec.json.decode(body)
    except (OSError, msgspec.DecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError.at(Place(str(options.request)), f"not a request body: {reason}") from None
    drive = started(bundle, Mode.ENFORCE)
    for number in range(1, max(1, options.times) + 1):
        ts = BEGIN + number * options.every
        record = drive(
            Line(ts=ts, principal="somebody", request=msgspec.Raw(body), route=options.route), number
        )
    return _explained(record, bundle, Context(BEGIN, BEGIN, number))


def _principal(options: argparse.Namespace, bundle: Bundle) -> Explanation:
    """The trace is replayed; others are left out where no policy looks beyond the principal."""
    from gateway.adapters.proof import started
    from gateway.explain.choose import Chooser
    from gateway.explain.view import Context
    from gateway.model import Mode
    from gateway.progress import progress
    from gateway.readers.settings import reader_settings
    from gateway.traffic import discover, merged, survey
    from gateway.words import quote, suggest

    if not options.trace:
        raise ConfigError.at(Place("--principal"), "name the traffic with --trace")
    plan = survey(discover(options.trace), settings=reader_settings(options.config, options.secret_file))
    # Who shares a counter with the principal matters only where a policy is keyed by more.
    alone = all(policy.key == "principal" for policy in bundle.policies)
    drive = started(bundle, Mode.ENFORCE)
    chooser: Chooser | None = None
    longer: list[str] = []
    with progress("replaying", plan.lines, quiet=options.quiet) as tick:
        for number, line in enumerate(merged(plan), 1):
            tick(1)
            chooser = chooser or Chooser(options.at, bundle.ladder, line.ts)
            own = line.principal == options.principal
            if not own and not longer and line.principal.startswith(options.principal):
                longer.append(line.principal)
            if not own and alone:
                continue
            record = drive(line, number)
            if own and not chooser.add(record, line):
                break
    if chooser is None or chooser.chosen is None:
        who = quote(options.principal) + suggest(options.principal, longer)
        raise ConfigError.at(Place(str(options.trace[0])), f"no such request of {who} here")
    return _explained(chooser.chosen, bundle, chooser.context or Context())


def _explained(record: Record, bundle: Bundle, context: Context) -> Explanation:
    import msgspec

    from gateway.explain.patterns import matched
    from gateway.explain.view import explain
    from gateway.records import to_json

    found = tuple(dict.fromkeys(matched(record.call, bundle.patterns)))
    line = msgspec.json.decode(to_json(record, "features"))
    return explain(line, bundle, replace(context, matched=found))


def _decision(options: argparse.Namespace, bundle: Bundle) -> Explanation:
    """The first record of that id; the client sees the same id in `x-gateway-request-id`."""
    import msgspec

    from gateway.explain.view import explain
    from gateway.traffic import numbered_lines

    if not options.log:
        raise ConfigError.at(Place("--decision"), "name the records with --log")
    wanted = options.decision.encode()
    for file in options.log:
        for number, text in numbered_lines(file):
            if wanted not in text:
                continue
            try:
                line = msgspec.json.decode(text)
                if line["id"] == options.decision:
                    return explain(line, bundle)
            except (ValueError, TypeError, KeyError) as error:
                raise ConfigError.at(Place(str(file), number, 1), f"not a decision record: {error}") from None
    raise ConfigError.at(Place(str(options.log[0])), f"no decision {options.decision!r} here")

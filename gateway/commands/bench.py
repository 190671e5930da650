"""`gateway bench`: what policies cost, so that a costly pattern is seen before production."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.commands.record import add_identity

if TYPE_CHECKING:
    from gateway.costs import Cost, Costs
    from gateway.readers.base import Settings
    from gateway.traffic import Line

_EXAMPLE = """\
examples:

  gateway bench                                  a mixture of people, pipelines and probes
  gateway bench --trace traffic.jsonl -n 20000   your own traffic

Times are CPU microseconds of this machine. Signals that ask one pattern set share its cost: it shows at the
first of them. Whole requests, network and all, are slower; see benchmarks/.
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "bench",
        help="measure what policies cost",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--policies", type=Path, default=Path("policies"), metavar="DIR")
    parser.add_argument("--trace", type=Path, nargs="+", default=[], metavar="FILE", help="recorded traffic")
    parser.add_argument("-n", "--requests", type=int, default=3000, metavar="N", help="at most (3000)")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_identity(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure the CPU time of a bundle per request: by phase, by signal, and of each pattern alone."""
    import time

    import msgspec

    from gateway.costs import measure
    from gateway.policies.load import load_bundle
    from gateway.progress import progress
    from gateway.readers.settings import reader_settings
    from gateway.stores.memory import MemoryStore

    bundle = load_bundle(options.policies)
    settings = reader_settings(options.config, options.secret_file)
    lines = _lines(options.trace, settings, max(1, options.requests))
    with progress("measuring", 2 * len(lines), quiet=options.quiet) as tick:
        costs = measure(bundle, lines, time.process_time, lambda: MemoryStore(1_000_000), tick)
    if options.output == "json":
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(costs), indent=2) + b"\n")
    else:
        sys.stdout.write(_text(costs))
    return 0


_MIXTURE = """\
kind: tests
title: A mixture for measuring
defaults: {usage: {input_tokens: 300, output_tokens: 200}}
people: {pipeline: {}, prober: {}}
cases:
  - name: mixture
    traffic:
      - {every: 1s, times: 50000, principals: 5, prompt: 'Explain {words:60}', system: 'About {word}.'}
      - {every: 1s, times: 50000, as: pipeline, prompt: 'Classify as billing or other: {words:400}'}
      - every: 1s
        times: 50000
        as: prober
        request: {logprobs: true, top_logprobs: 20, max_tokens: 1, logit_bias: 5}
    expect: [{rung: none}]
"""


def _lines(trace: Sequence[Path], settings: Settings, most: int) -> list[Line]:
    from itertools import islice

    from gateway.policytests.schema import SuiteDocument
    from gateway.policytests.suites import Suite
    from gateway.policytests.traffic import sent
    from gateway.strict_yaml import parse
    from gateway.traffic import discover, merged, survey

    if trace:
        return list(islice(merged(survey(discover(list(trace)), settings=settings)), most))
    (document,) = parse(_MIXTURE.encode(), "mixture")
    suite = Suite(document, SuiteDocument.model_validate(document.value))
    return [one.line for case in suite.cases() for one in islice(sent(case), most)]


def _text(costs: Costs) -> str:
    skipped = f", {costs.skipped} lines could not be read" if costs.skipped else ""
    rate = 1e6 / costs.total if costs.total else 0.0
    head = (
        f"bundle {costs.bundle} · {costs.requests:,} requests{skipped} · {costs.total:.1f} µs each "
        f"({rate:,.0f} a second on one core)\n"
    )
    parts = (
        head,
        _table("phase", "µs per request", costs.phases, costs.total),
        _table("signal", "µs per request", costs.signals, costs.total),
        _table("pattern", "µs per text", costs.patterns, None),
    )
    return "\n".join(parts)


def _table(what: str, unit: str, costs: Sequence[Cost], total: float | None) -> str:
    if not costs:
        return ""
    width = max(len(cost.name) for cost in costs)
    rows = [f"{what:<{width}}  {unit:>14}"]
    for cost in costs:
        share = f"  {cost.micros / total:4.0%}" if total else ""
        rows.append(f"{cost.name:<{width}}  {cost.micros:14.2f}{share}")
    return "\n".join(rows) + "\n"

"""`gateway test`: what the policies promise about traffic, kept or not."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.policytests.report import Report

_EXAMPLE = """\
example, in policies/tests/logprobs.yaml:

  kind: tests
  title: Logprob abuse
  cases:
    - name: one-token probing is throttled within the hour
      traffic:
        - {every: 1s, times: 6000, request: {logprobs: true, top_logprobs: 20, max_tokens: 1}}
      expect:
        - {reaches: {throttle: {within: 1h}}}

  gateway test policies --run 'throttled'

exit codes: 0 all promises are kept; 1 one is not; 2 a policy or a test is written wrongly
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "test",
        help="run the tests of policies",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        default=[Path("policies")],
        metavar="PATH",
        help="directories or files with documents of kind 'tests' (default: policies)",
    )
    parser.add_argument(
        "--policies", type=Path, metavar="DIR", help="policies to test (default: those beside the tests)"
    )
    parser.add_argument("--run", dest="only", type=_regex, metavar="REGEX", help="only cases so named")
    parser.add_argument("--tag", metavar="TAG", help="only cases with this tag, such as smoke")
    parser.add_argument(
        "--metamorphic", action="store_true", help="also double, split and exempt all traffic"
    )
    parser.add_argument("--fail-on-empty", action="store_true", help="fail when there is no case to run")
    parser.add_argument(
        "--min-coverage", type=_share, metavar="90%", help="fail when fewer of the signals fired in any case"
    )
    parser.add_argument("-o", "--output", choices=("text", "json", "junit"), default="text")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {error}") from None


def _share(text: str) -> float:
    from gateway.units import percent

    try:
        return percent(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace) -> int:
    """Run the policies' own tests: generated or recorded traffic, the real engine, a logical clock."""
    from gateway.adapters.proof import started
    from gateway.policies.load import load_bundle
    from gateway.policytests.coverage import Coverage
    from gateway.policytests.load import home, load_suites
    from gateway.policytests.references import check_references
    from gateway.policytests.report import Report
    from gateway.policytests.run import run_cases
    from gateway.policytests.trail import rung_order
    from gateway.progress import progress

    suites = load_suites(options.paths)
    bundle = load_bundle(options.policies or home(options.paths))
    check_references(suites, bundle)
    cases = [case for suite in suites for case in suite.cases()]
    if options.tag is not None:
        cases = [case for case in cases if options.tag in case.tags]
    if options.only is not None:
        cases = [case for case in cases if options.only.search(case.name)]
    coverage = Coverage(bundle)
    with progress("testing", len(cases), quiet=options.quiet) as tick:
        results = run_cases(cases, bundle, started, coverage, metamorphic=options.metamorphic, tick=tick)
    report = Report(bundle.hash, rung_order(bundle), results, coverage.shares())
    _print(report, options.output)
    return _verdict(report, options)


def _print(report: Report, form: str) -> None:
    from gateway.policytests.report import as_json, junit, text

    if form == "text":
        sys.stdout.write(text(report, color=sys.stdout.isatty()))
    else:
        sys.stdout.buffer.write(as_json(report) if form == "json" else junit(report))


def _verdict(report: Report, options: argparse.Namespace) -> int:
    """The exit code; gates that no case stands for say on standard error why they failed."""
    failed = not all(result.passed for result in report.results)
    if options.fail_on_empty and not report.results:
        sys.stderr.write("no case to run\n")
        failed = True
    fired = report.coverage["signals"].share
    if options.min_coverage is not None and fired < options.min_coverage:
        sys.stderr.write(f"{fired:.0%} of the signals fired, fewer than {options.min_coverage:.0%}\n")
        failed = True
    return 1 if failed else 0

"""`gateway check`: whether policies can be loaded, and what about them is unwise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.authoring.findings import Checked
    from gateway.strict_yaml import Document

_EXAMPLE = """\
Every mistake is told with its place and, where one is near, the right word; then what is allowed and
most likely not meant: a rung that no policies reach, a policy that cannot be seen, an id that ATLAS does
not know, an exemption about to expire, honest traffic to which no test promises anything. Each DIR (or
single file) is a bundle by itself. Policy tests tagged 'smoke' are run, because a gateway runs them too
before it uses the policies.

example:
  gateway check policies/
  gateway check --strict -o github policies/     # in a pull request

exit codes: 0 fine, 2 errors, 3 only warnings (with --strict)
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "check",
        help="find mistakes in policies",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", type=Path, default=[Path("policies")], metavar="DIR")
    parser.add_argument("--strict", action="store_true", help="warnings make exit code 3")
    parser.add_argument("-o", "--output", choices=("text", "json", "github", "junit"), default="text")
    parser.add_argument(
        "--today", type=_day, metavar="DAY", help="the day for expiries, as 2027-02-28 (default: the clock's)"
    )
    parser.set_defaults(run=run)


def _day(text: str) -> float:
    from gateway.units import day

    try:
        return day(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace) -> int:
    """Check policies: every mistake with its place, then lints, and a line with what there is."""
    import time

    from gateway.authoring.findings import FORMS

    today = time.time() if options.today is None else options.today
    checks = [_checked(path, today) for path in options.paths]
    sys.stdout.write(FORMS[options.output](checks))
    if any(checked.count("error") for checked in checks):
        return 2
    return 3 if options.strict and any(checked.count("warning") for checked in checks) else 0


def _checked(path: Path, today: float) -> Checked:
    from gateway.adapters.proof import smoke_test
    from gateway.authoring.findings import Checked, Finding
    from gateway.authoring.ids import id_list
    from gateway.authoring.lint import Catalogues, lint
    from gateway.errors import ConfigError
    from gateway.policies.load import make_bundle, policy_files, read_documents

    try:
        files = tuple(map(str, policy_files(path)))
        documents, problems = read_documents(path)
    except ConfigError as error:
        told = tuple(Finding(place, "error", message) for place, message in error.problems)
        return Checked(str(path), (), str(path), told)
    found: list[Finding] = []
    bundle, summary = None, f"{path}: {len(files)} file{'s' * (len(files) != 1)} read"
    try:
        bundle = make_bundle(path, documents, problems)
        summary = bundle.summary
        found += [Finding(advice.place, "warning", advice.message) for advice in bundle.warnings]
        smoke_test(path, bundle)
    except ConfigError as error:
        found += [Finding(place, "error", message) for place, message in error.problems]
    catalogues = Catalogues(id_list("atlas"), id_list("aisvs"))
    found += lint(documents, bundle, catalogues, today, _promises(path, documents))
    found.sort(key=lambda one: (one.severity, one.place.file, one.place.line, one.place.column))
    return Checked(str(path), files, summary, tuple(found))


def _promises(path: Path, documents: Sequence[Document]) -> dict[str, int]:
    """How many test cases promise something to honest traffic, by policy."""
    from gateway.evaluation.promises import read_promises

    policies = [str(document.value.get("id")) for document in documents if isinstance(document.value, dict)]
    return {name: found.honest for name, found in read_promises(path, policies).items()}

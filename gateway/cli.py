"""The command line: `gateway VERB`; each verb is a file of `gateway.commands`.

Exit codes: 0 fine; 1 a test, gate or comparison failed; 2 the input or configuration is wrong; 3 only
warnings, with --strict.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Sequence

from gateway.commands import (
    bench,
    check,
    corpus,
    diff,
    explain,
    fields,
    identify,
    label,
    mark,
    pardon,
    promote,
    record,
    replay,
    report,
    schema,
    serve,
    test,
    tune,
    verify,
)
from gateway.errors import ConfigError

VERBS = (
    serve,
    check,
    replay,
    diff,
    tune,
    report,
    promote,
    pardon,
    record,
    label,
    identify,
    test,
    fields,
    schema,
    corpus,
    mark,
    verify,
    explain,
    bench,
)
"""In the order in which `gateway --help` lists them."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description="Stillgate, the anti-distillation gateway.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        verb.add(verbs)
    for one in verbs.choices.values():
        # Most are docstrings, indented as those are.
        one.description = inspect.cleandoc(one.description or "")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except BrokenPipeError:
        # `gateway … | head`: whoever read has seen enough. The rest of the output goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())

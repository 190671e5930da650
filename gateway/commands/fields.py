"""`gateway fields`: the words that conditions are made of."""

from __future__ import annotations

import argparse
import sys

_EXAMPLE = """\
A condition compares a field by an operator: {request.max_tokens: {lte: 2}}. Which operators fit depends on
the field's kind. Late fields are known after the answer only, and count from the next call on.

example:
  gateway fields
  gateway fields logprobs          # those whose name or meaning has it
  gateway fields -o json
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "fields",
        help="list what conditions may read, and the operators",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("word", nargs="?", default="", metavar="WORD", help="only fields that have it")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List the fields that conditions may read, with kind, meaning and values, and the operators."""
    from gateway.authoring.vocabulary import as_json, text
    from gateway.fields import FIELDS
    from gateway.policies.plugins import installed

    installed()  # Dialects of plug-ins are among the words of a field.
    word = options.word.lower()
    found = [field for field in FIELDS.values() if word in f"{field.name} {field.doc}".lower()]
    if not found:
        from gateway.words import quote, suggest

        sys.stderr.write(f"no field has {quote(options.word)}{suggest(options.word, FIELDS)}\n")
        return 2
    sys.stdout.write(as_json(found) if options.output == "json" else text(found))
    return 0

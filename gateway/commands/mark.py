"""`gateway mark`: what marking answers needs beforehand, a vocabulary, and now and then a new secret."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.asking import ModelServer

_EXAMPLE = """\
A vocabulary is a policy file. Make it of unmarked answers of the model, as many as you can have, and keep it
as long as its marks shall be found: with other words nothing is found.

  gateway mark vocabulary answers.jsonl --field response --endpoint http://127.0.0.1:8000 \\
      --id house --model 'house-*' -o policies/house.yaml
  gateway mark vocabulary answers.jsonl --tokenizer tokenizer.json --id house --model '*'

A gateway reads the key ring when it starts. After a rotation answers are marked under the new epoch from the
next start on, and older marks are still found.

  gateway mark rotate --key-ring var/marks.json
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "mark",
        help="prepare the marking of answers",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = parser.add_subparsers(dest="part", required=True, metavar="WHAT")
    words = parts.add_parser("vocabulary", help="make a vocabulary", description=_vocabulary.__doc__)
    words.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSON Lines, JSON, CSV or text")
    words.add_argument("--field", action="append", metavar="NAME", help="of each item (default: response)")
    words.add_argument("--id", required=True, help="for the option `tokens` of the response")
    words.add_argument(
        "--model",
        action="append",
        required=True,
        metavar="NAME",
        help="models with this tokenizer (patterns)",
    )
    source = words.add_mutually_exclusive_group(required=True)
    source.add_argument("--endpoint", metavar="URL", help="a model server that tokenizes (llama.cpp, vLLM)")
    source.add_argument("--tokenizer", type=Path, metavar="FILE", help="a tokenizer.json")
    words.add_argument("--key-env", metavar="NAME", help="environment variable with the server's API key")
    words.add_argument("--words", type=int, default=600, metavar="N", help="how many (default: 600)")
    words.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")
    words.add_argument("--skip", action="append", default=[], metavar="WORD", help="a word to leave out")
    again = parts.add_parser("rotate", help="begin a new epoch", description=_rotate.__doc__)
    again.add_argument("--key-ring", type=Path, required=True, metavar="FILE")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prepare the marking of answers: make the list of words that marks are made of, or begin a new epoch."""
    return _vocabulary(options) if options.part == "vocabulary" else _rotate(options)


def _vocabulary(options: argparse.Namespace) -> int:
    """Make a vocabulary: the commonest words of unmarked answers that are one token each."""
    from gateway.datasets import texts
    from gateway.errors import ConfigError, Place
    from gateway.policies.forms import slug
    from gateway.wordlist import choose, in_file, lines

    try:
        name = slug(options.id)
    except ValueError as error:
        raise ConfigError.at(Place("--id"), str(error)) from None
    found = texts(options.files, options.field or ["response"])
    if options.tokenizer is not None:
        words = choose(found, in_file(options.tokenizer), options.words, options.skip)
    else:
        with model_server(options.endpoint, options.key_env) as server:
            words = choose(found, server.token, options.words, options.skip)
    if not words:
        raise ConfigError.at(Place(str(options.files[0])), "no two words come twice and are one token each")
    _write(options.output, "".join(lines(name, options.model, words)))
    return 0


def _write(path: Path | None, text: str) -> None:
    from gateway.errors import ConfigError, Place

    if path is None:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError.at(Place(str(path)), f"cannot be written: {error.strerror}") from None


def _rotate(options: argparse.Namespace) -> int:
    """Begin a new epoch now; a ring that is not there is made."""
    from gateway.ring import kept_ring, rotate

    path: Path = options.key_ring
    ring = rotate(path, time.time()) if path.exists() else kept_ring(path)
    sys.stdout.write(f"{path}: epoch {ring.epochs[-1].id} of {len(ring.epochs)}\n")
    return 0


def model_server(url: str, variable: str | None) -> ModelServer:
    """The server at `url`, asked under the API key in an environment variable, if one is named.

    Raises ConfigError where the variable is not set, or the client for it is not installed.
    """
    from gateway.errors import ConfigError, Place

    try:
        from gateway.asking import ModelServer
    except ModuleNotFoundError:
        raise ConfigError.at(Place("--endpoint"), "needs httpx2: pip install 'stillgate[httpx2]'") from None
    if variable is not None and not os.environ.get(variable):
        raise ConfigError.at(Place("--key-env"), f"the environment has no variable {variable}")
    return ModelServer(url, key=None if variable is None else os.environ[variable])

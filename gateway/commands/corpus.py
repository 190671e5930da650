"""`gateway corpus`: packs of hashes of public collections, for signals that look prompts up in them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.errors import ConfigError, Place

_EXAMPLE = """\
A pack holds hashes of sentences and no text. Put it below the policy directory, and name it in a signal:

  corpus: {in: [house-prompts], over: 24h, min: 20}

With --frames it holds how prompt templates begin and end, so that sharing one links nobody. What is filled in
is written {name}, {{ name }} or $name:

  campaign: {over: 7d, without: [house-templates]}

examples:
  gateway corpus build prompts.jsonl --field instruction --field input --name house-prompts \\
      --licence MIT --source https://example.com/prompts -o policies/corpora/house-prompts.corpus
  gateway corpus build --frames templates.jsonl --licence MIT --source https://example.com/templates \\
      -o policies/corpora/house-templates.corpus
  gateway corpus show policies/corpora/*.corpus
"""

_HELD = {"sentences": "sentence", "frames": "piece"}


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "corpus",
        help="make packs of public collections",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = parser.add_subparsers(dest="part", required=True, metavar="WHAT")
    build = parts.add_parser("build", help="make a pack", description=_build.__doc__)
    build.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSON Lines, JSON, CSV or text")
    build.add_argument("-o", "--output", type=Path, required=True, metavar="PACK", help="ends in .corpus")
    build.add_argument("--field", action="append", metavar="NAME", help="of each item (default: prompt)")
    build.add_argument("--name", help="for policies (default: that of the pack)")
    build.add_argument("--title", default="", help="one line for people")
    build.add_argument("--licence", required=True, help="under which the collection is published")
    build.add_argument("--source", required=True, help="where it is published")
    build.add_argument("--frames", action="store_true", help="the items are prompt templates: their frames")
    build.add_argument(
        "--common", type=int, metavar="N", help="leave out what is in more items (sentences: 3, frames: all)"
    )
    show = parts.add_parser("show", help="what packs hold", description=_show.__doc__)
    show.add_argument("packs", nargs="+", type=Path, metavar="PACK")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make packs of hashes of public collections, for signals that look prompts up in them, or show some."""
    return _build(options) if options.part == "build" else _show(options.packs)


def _build(options: argparse.Namespace) -> int:
    """Make a pack of the sentences of a collection, or of the frames of prompt templates.

    The same files always give the same bytes.
    """
    from gateway.corpora import Kind, Origin, build, encode, fingerprints
    from gateway.datasets import texts
    from gateway.policies.forms import slug
    from gateway.policies.rules import PACKED
    from gateway.signals.templates import pieces

    output: Path = options.output
    if output.suffix != PACKED:
        raise ConfigError.at(Place("--output"), f"a pack's name ends in {PACKED}: {output.stem}{PACKED}")
    try:
        name = slug(output.stem if options.name is None else options.name)
        of: Kind = "frames" if options.frames else "sentences"
        origin = Origin(name, options.title or name, options.licence, options.source, 0, of)
        found = texts(options.files, options.field or ["prompt"])
        # A framework's templates resemble each other, and what they have in common is to be taken away too.
        common = 3 if options.common is None and not options.frames else options.common
        corpus = build(origin, found, pieces if options.frames else fingerprints, common=common)
    except ValueError as error:
        raise ConfigError.at(Place(str(output)), str(error)) from None
    try:
        output.write_bytes(encode(corpus))
    except OSError as error:
        raise ConfigError.at(Place(str(output)), f"cannot be written: {error.strerror}") from None
    return _show([output])


def _show(packs: Sequence[Path]) -> int:
    """Show of each pack its name, source and licence, what it holds, and what it finds by chance."""
    from gateway.corpora import decode

    for file in packs:
        try:
            data = file.read_bytes()
            corpus = decode(data)
        except OSError as error:
            raise ConfigError.at(Place(str(file)), f"cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise ConfigError.at(Place(str(file)), str(error)) from None
        origin = corpus.origin
        sys.stdout.write(
            f"{origin.name}: {origin.title}\n"
            f"  {origin.source} ({origin.licence})\n"
            f"  {len(corpus.hashes):,} {_HELD[origin.of]}s of {origin.items:,} texts, {len(data):,} bytes, "
            f"content {corpus.hash}\n"
            f"  finds a strange {_HELD[origin.of]} by chance once in {1 / corpus.chance:,.0f}\n"
        )
    return 0

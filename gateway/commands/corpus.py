"""`gateway corpus`: packs of hashes of public collections, for signals that look prompts up in them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.commands.record import add_identity
from gateway.errors import ConfigError, Place

if TYPE_CHECKING:
    from gateway.readers.base import Line
    from gateway.references import Reference

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
  gateway corpus reference week.jsonl.gz -o policies/corpora/own-week.corpus
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
    own = parts.add_parser("reference", help="make a reference of honest traffic", description=_refer.__doc__)
    own.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recorded traffic")
    own.add_argument("-o", "--output", type=Path, required=True, metavar="PACK", help="ends in .corpus")
    own.add_argument("--name", help="for policies (default: that of the pack)")
    own.add_argument("--title", default="honest traffic", help="one line for people")
    own.add_argument("--quiet", action="store_true", help="no progress bar")
    add_identity(own)
    show = parts.add_parser("show", help="what packs hold", description=_show.__doc__)
    show.add_argument("packs", nargs="+", type=Path, metavar="PACK")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make packs of hashes of public collections, for signals that look prompts up in them, or show some."""
    if options.part == "reference":
        return _refer(options)
    return _build(options) if options.part == "build" else _show(options.packs)


def _build(options: argparse.Namespace) -> int:
    """Make a pack of the sentences of a collection, or of the frames of prompt templates.

    The same files always give the same bytes.
    """
    from gateway.corpora import Kind, Origin, build, encode, fingerprints
    from gateway.datasets import texts
    from gateway.policies.forms import slug
    from gateway.signals.templates import pieces

    output = _output(options)
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
    return _written(output, encode(corpus))


def _refer(options: argparse.Namespace) -> int:
    """Make a reference of your own honest traffic, for the detector `drift`; it holds numbers and no text.

    Whoever sent 40 requests or more is a customer, and taken to be honest; lines with a truth of attack are
    left out.
    """
    from gateway.corpora import Origin
    from gateway.evaluation.honest import make
    from gateway.policies.forms import slug
    from gateway.progress import progress
    from gateway.readers.settings import reader_settings
    from gateway.traffic import discover, merged, survey

    output = _output(options)
    plan = survey(discover(options.files), settings=reader_settings(options.config, options.secret_file))
    try:
        name = slug(output.stem if options.name is None else options.name)
        origin = Origin(name, options.title, "your own", "your own traffic", 0, "windows")
        with progress("comparing", 3 * plan.lines, quiet=options.quiet) as tick:
            made = make(origin, lambda: _ticked(merged(plan), tick))
    except ValueError as error:
        raise ConfigError.at(Place(str(output)), str(error)) from None
    if made.hostile:
        sys.stderr.write(f"{made.hostile:,} lines left out whose truth is an attack\n")
    return _written(output, made.reference.encoded())


def _ticked(lines: Iterable[Line], tick: Callable[[int], None]) -> Iterator[Line]:
    for line in lines:
        tick(1)
        yield line


def _output(options: argparse.Namespace) -> Path:
    from gateway.policies.rules import PACKED

    output: Path = options.output
    if output.suffix != PACKED:
        raise ConfigError.at(Place("--output"), f"a pack's name ends in {PACKED}: {output.stem}{PACKED}")
    return output


def _written(output: Path, data: bytes) -> int:
    try:
        output.write_bytes(data)
    except OSError as error:
        raise ConfigError.at(Place(str(output)), f"cannot be written: {error.strerror}") from None
    return _show([output])


def _show(packs: Sequence[Path]) -> int:
    """Show of each pack its name, source and licence, what it holds, and what it finds by chance."""
    from gateway.policies.load import unpacked
    from gateway.references import Reference

    for file in packs:
        try:
            data = file.read_bytes()
            corpus = unpacked(data)
        except OSError as error:
            raise ConfigError.at(Place(str(file)), f"cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise ConfigError.at(Place(str(file)), str(error)) from None
        origin = corpus.origin
        if isinstance(corpus, Reference):
            sys.stdout.write(_told(corpus, len(data)))
            continue
        sys.stdout.write(
            f"{origin.name}: {origin.title}\n"
            f"  {origin.source} ({origin.licence})\n"
            f"  {len(corpus.hashes):,} {_HELD[origin.of]}s of {origin.items:,} texts, {len(data):,} bytes, "
            f"content {corpus.hash}\n"
            f"  finds a strange {_HELD[origin.of]} by chance once in {1 / corpus.chance:,.0f}\n"
        )
    return 0


def _told(found: Reference, size: int) -> str:
    """What a reference says of itself, and whom it would find strange that it should not."""
    lines = [
        f"{found.origin.name}: {found.origin.title}, content {found.hash}",
        f"  {len(found.customers):,} customers, {found.origin.items:,} requests, {size:,} bytes",
    ]
    for share in (0.01, 0.03, 0.1):
        new = sum(found.p(far, strangers=False) <= share for far in found.strangers) / len(found.strangers)
        lines.append(
            f"  p up to {share:.0%} against customers: {new:.0%} of them would have been, had they been new"
        )
    return "\n".join(lines) + "\n"

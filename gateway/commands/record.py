"""`gateway record`: recorded traffic of any known format → traffic JSON Lines."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gateway.errors import ConfigError, Place

if TYPE_CHECKING:
    from gateway.traffic import Survey

FORMATS = ("traffic", "records", "har", "flows", "litellm", "otel", "access")

_EXAMPLE = """\
Formats (docs/inputs.md says what each gives and lacks):
  records   our own decision records         litellm   LiteLLM spend logs (JSON, CSV), callback payloads
  har       HAR 1.2 of browsers and proxies  otel      OpenTelemetry GenAI spans: OTLP/JSON, console
  flows     mitmproxy dumps (needs the       access    Envoy and nginx access logs as JSON
            extra [mitmproxy])               traffic   what this command writes

API keys become the same hashed ids that the gateway gives them, if it has the same secret.

examples:
  gateway record session.har --out traffic.jsonl.zst
  gateway record access.log --from access --field principal=consumer_name --field model=llm_model
  gateway record spend.json --secret-file identity.txt > traffic.jsonl
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "record",
        help="convert HAR, flows, logs and spans to traffic lines",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="files or directories")
    parser.add_argument(
        "--from",
        dest="form",
        choices=("auto", *FORMATS),
        default="auto",
        help="format of all inputs (default: each by its content)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="packed by its name: .gz, .zst (default: standard output)"
    )
    add_identity(parser)
    parser.add_argument(
        "--field",
        action="append",
        type=_field,
        default=[],
        metavar="NAME=KEY",
        help="where an access log holds something, e.g. principal=consumer_name; may be repeated",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no summary")
    parser.set_defaults(run=run)


def add_identity(parser: argparse.ArgumentParser) -> None:
    """The options that decide under which ids principals appear."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings: key headers, mapping, secret")
    parser.add_argument(
        "--secret-file", type=Path, metavar="FILE", help="secret that keys are hashed with (default: as set)"
    )


def _field(text: str) -> tuple[str, str]:
    from gateway.readers.access import NAMES
    from gateway.words import suggest

    name, equals, key = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError("write NAME=KEY, such as principal=consumer_name")
    if name not in NAMES:
        known = f"is not one of {', '.join(NAMES)}{suggest(name, NAMES)}"
        raise argparse.ArgumentTypeError(f"{name!r} {known}")
    return name, key


def run(options: argparse.Namespace) -> int:
    """Convert recorded traffic to lines that `gateway replay` reads, sorted by time.

    Every input is checked as a whole before anything is written. Prompts are copied as they are; keys are
    replaced by keyed hashes, and answers by what they cost.
    """
    import msgspec

    from gateway.progress import progress
    from gateway.readers.settings import reader_settings
    from gateway.traffic import discover, merged, survey

    settings = reader_settings(options.config, options.secret_file, _names(options.field))
    files = discover(options.inputs)
    form = None if options.form == "auto" else options.form
    with progress("reading", None, quiet=options.quiet) as tick:
        plan = survey(files, tick, settings=settings, form=form)
    encode = msgspec.json.encode
    with _output(options.out, files) as out, progress("writing", plan.lines, quiet=options.quiet) as tick:
        for number, line in enumerate(merged(plan), 1):
            out.write(encode(line) + b"\n")
            if number % 1000 == 0:
                tick(1000)
        tick(plan.lines % 1000)
    if not options.quiet:
        sys.stderr.write(_summary(plan))
    return 0


def _names(fields: list[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, key in fields:
        found[name] = (*found.get(name, ()), key)
    return found


@contextlib.contextmanager
def _output(path: Path | None, inputs: list[Path]) -> Iterator[IO[bytes]]:
    from gateway.packed import created

    if path is None:
        yield sys.stdout.buffer
        return
    if path.exists() and any(path.samefile(file) for file in inputs):
        raise ConfigError.at(Place(str(path)), "this is an input: write the lines elsewhere")
    with created(path) as out:
        yield out


def _summary(plan: Survey) -> str:
    """What was read as what, and what it lacks."""
    said = []
    for file in plan.files:
        skipped = plan.skipped.get(file, 0)
        passed = f", {skipped:,} passed over that are no calls to a model" if skipped else ""
        said.append(f"{file}: {plan.readers[file].name}{passed}")
    said.append(f"{plan.lines:,} {'line' if plan.lines == 1 else 'lines'}")
    counts: dict[str, int] = {}
    for (lacks, _), count in plan.forms.items():
        for name in lacks:
            counts[name] = counts.get(name, 0) + count
    for count in sorted(set(counts.values()), reverse=True):
        names = ", ".join(sorted(name for name in counts if counts[name] == count))
        said.append(f"  lacking on {count:,}: {names}")
    return "\n".join(said) + "\n"

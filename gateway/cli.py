"""The command line: `gateway serve`, `gateway replay`, `gateway identify`.

Only words, files and exit codes are here. Exit codes: 0 fine; 2 the input or configuration is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, Place
from gateway.model import JSON

if TYPE_CHECKING:
    from gateway.records import Record

_MODES = ("shadow", "enforce")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description="Stillgate, the anti-distillation gateway.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _serve_options(verbs.add_parser("serve", help="run the reverse proxy", description=_serve.__doc__))
    _replay_options(
        verbs.add_parser("replay", help="score recorded traffic offline", description=_replay.__doc__)
    )
    identify = verbs.add_parser(
        "identify", help="print the principal id of an API key", description=_identify.__doc__
    )
    identify.add_argument("--config", type=Path, metavar="FILE", help="settings (default: built-in)")
    identify.set_defaults(run=_identify)
    return parser


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


def _serve_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default: built-in)")
    parser.add_argument("--upstream", metavar="URL", help="model server (default: a built-in demo)")
    parser.add_argument("--policies", metavar="DIR", help="policy directory")
    parser.add_argument("--port", type=int, metavar="N", help="port for clients")
    parser.add_argument("--admin-port", type=int, metavar="N", help="port for operators and probes")
    parser.add_argument("--mode", choices=_MODES, help="how far policies may go")
    parser.set_defaults(run=_serve)


def _replay_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="traffic files or directories (JSON Lines)"
    )
    parser.add_argument("--policies", type=Path, default=Path("policies"), metavar="DIR")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument("--mode", choices=_MODES, default="enforce", help="the ceiling (default: enforce)")
    parser.add_argument(
        "--as-mode", choices=("enforce",), help="evaluate every policy as enforced, without rollout"
    )
    parser.add_argument("--records", type=Path, metavar="FILE", help="also write one record per request")
    parser.add_argument("--max-principals", type=_positive, default=1_000_000, metavar="N")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=_replay)


def _serve(options: argparse.Namespace) -> int:
    """Run the reverse proxy until SIGTERM; options given here win over the file."""
    from gateway.config import load_config
    from gateway.logs import configure
    from gateway.server import serve

    # A relative path on the command line means the working directory, not the file's.
    policies = None if options.policies is None else str(Path(options.policies).absolute())
    given: dict[str, JSON] = {
        "upstream.url": options.upstream,
        "policies.path": policies,
        "server.port": options.port,
        "admin.port": options.admin_port,
        "policies.ceiling": options.mode,
    }
    config = load_config(options.config, {name: value for name, value in given.items() if value is not None})
    configure(config.log.level, config.log.format)
    serve(config)
    return 0


def _replay(options: argparse.Namespace) -> int:
    """Score recorded traffic under its own clock and report who would have reached which rung."""
    from gateway.adapters import replay
    from gateway.exchange import Gate
    from gateway.model import Mode
    from gateway.policies.compile import with_mode
    from gateway.policies.load import load_bundle
    from gateway.progress import progress
    from gateway.reports import replay_text
    from gateway.stores.memory import MemoryStore
    from gateway.traffic import discover, merged, survey

    began = time.perf_counter()
    bundle = load_bundle(options.policies)
    if options.as_mode:
        bundle = with_mode(bundle, Mode.ENFORCE)
    files = discover(options.files)
    with progress("reading", None, quiet=options.quiet) as tick:
        plan = survey(files, tick)
    gate = Gate(bundle, Mode[options.mode.upper()], MemoryStore(options.max_principals), replay.Nobody())
    with (
        _record_file(options.records, files) as sink,
        progress("replaying", plan.lines, quiet=options.quiet) as tick,
    ):
        report = replay.replay(gate, merged(plan), sink=sink, tick=tick)
    document = report.document(time.perf_counter() - began)
    if options.output == "json":
        sys.stdout.buffer.write(replay.encode(document))
    else:
        sys.stdout.write(replay_text(document))
    return 0


@contextlib.contextmanager
def _record_file(path: Path | None, inputs: Sequence[Path]) -> Iterator[Callable[[Record], None]]:
    """Yields what takes the records. Raises ConfigError when the file cannot be written."""
    from gateway.records import to_json

    if path is None:
        yield lambda record: None
        return
    if path.exists() and any(path.samefile(file) for file in inputs):
        raise ConfigError.at(Place(str(path)), "this is recorded traffic: write the records elsewhere")
    with _writing(path):
        file = path.open("wb")

    def write(record: Record) -> None:
        with _writing(path):
            file.write(to_json(record, "features"))

    try:
        yield write
    finally:
        with _writing(path):
            file.close()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError.at(Place(str(path)), f"cannot be written: {error.strerror}") from None


def _identify(options: argparse.Namespace) -> int:
    """Read an API key from standard input and print its principal id, for the mapping file."""
    from gateway.config import load_config
    from gateway.identity import key_principal
    from gateway.secret import identity_secret

    config = load_config(options.config)
    sys.stdout.write(
        key_principal(sys.stdin.readline().strip().encode(), identity_secret(config.identity)) + "\n"
    )
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())

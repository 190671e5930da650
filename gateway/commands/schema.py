"""`gateway schema`: the JSON Schema of policy files, for editors."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_EXAMPLE = """\
With the line
  # yaml-language-server: $schema=../schema.json
at the head of a policy file, editors complete its keys, show what they mean and underline mistakes (VS Code
with the YAML extension, Neovim, Helix, Emacs; JetBrains reads `# $schema: ../schema.json`).

example:
  gateway schema --write schema.json
  gateway schema --check             # exit code 1 if the file is not what the code says

Installed plug-ins have their part in it.
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "schema",
        help="print the JSON Schema of policy files, for editors",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write it there")
    parser.add_argument(
        "--check",
        type=Path,
        nargs="?",
        const=Path("schema.json"),
        metavar="FILE",
        help="compare with the file (default: schema.json)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the JSON Schema of all policy documents; write it, or check that a file still says the same."""
    from gateway.authoring.json_schema import ALL_KINDS, json_schema, written
    from gateway.errors import ConfigError, Place
    from gateway.policies.plugins import installed

    plugins = installed()
    text = written(json_schema(ALL_KINDS, plugins.detectors, plugins.actions))
    path: Path | None = options.check or options.write
    if path is None:
        sys.stdout.write(text)
        return 0
    try:
        if options.write:
            options.write.write_text(text, "utf-8")
        if not options.check or options.check.read_text("utf-8") == text:
            return 0
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError.at(Place(str(path)), f"cannot be used: {error}") from None
    sys.stderr.write(f"{path} is stale; write it anew with: gateway schema --write {path}\n")
    return 1

"""`gateway identify`: from an API key to the id under which it stands in records and mappings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "identify", help="print the principal id of an API key", description=run.__doc__
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default: built-in)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read an API key from standard input and print its principal id, for the mapping file."""
    from gateway.config import load_config
    from gateway.identity import key_principal
    from gateway.secret import identity_secret

    config = load_config(options.config)
    sys.stdout.write(
        key_principal(sys.stdin.readline().strip().encode(), identity_secret(config.identity)) + "\n"
    )
    return 0

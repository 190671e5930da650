"""`gateway serve`: the reverse proxy."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.model import JSON


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser("serve", help="run the reverse proxy", description=run.__doc__)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default: built-in)")
    parser.add_argument("--upstream", metavar="URL", help="model server (default: a built-in demo)")
    parser.add_argument("--policies", metavar="DIR", help="policy directory")
    parser.add_argument("--port", type=int, metavar="N", help="port for clients")
    parser.add_argument("--admin-port", type=int, metavar="N", help="port for operators and probes")
    parser.add_argument("--mode", choices=("shadow", "enforce"), help="how far policies may go")
    parser.add_argument(
        "--last-known-good",
        action="store_true",
        default=None,
        help="if the policies are broken at start, use those that were in use last",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
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
        "policies.last_known_good": options.last_known_good,
    }
    config = load_config(options.config, {name: value for name, value in given.items() if value is not None})
    configure(config.log.level, config.log.format)
    serve(config)
    return 0

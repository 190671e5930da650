"""`gateway pardon`: undo every response to a principal at once, or raise it to a rung."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from pathlib import Path
from typing import Any

TOKEN = "STILLGATE_ADMIN_TOKEN"  # noqa: S105  the name of one, not one
"""The environment variable that holds the admin token: on a command line others could read it."""

DEFAULT = "http://127.0.0.1:9901"
"""Where a gateway's admin listener is unless its settings say otherwise."""

_EXAMPLE = f"""\
A pardon acts on the principal's next call: its score begins at zero on both tracks, the ladder forgets it,
and it leaves its campaigns. What it does from then on counts again; with --for nothing happens to it until
then, whatever it does. With --raise it stands on that rung at least, for the time that --for gives.

The gateway writes down who did this and why (record.interventions). Restarting a gateway that keeps its state
in memory ends every hold, as it ends every score.

The admin token is taken from --token-file, or from {TOKEN}.

examples:
  gateway pardon key_6f1e… --why "SEC-1412: their nightly batch"
  gateway pardon key_6f1e… --for 24h --why "talking to the customer"
  gateway pardon key_6f1e… --raise throttle --for 12h --why "INC-77, confirmed by hand"
  gateway pardon org:acme --why "the whole organisation's score was one broken client"

exit codes: 0 done; 1 the gateway refused or could not be reached; 2 the options are wrong
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "pardon",
        help="undo every response to a principal at once",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("principal", metavar="PRINCIPAL", help="its id, as in records (gateway identify)")
    parser.add_argument("--why", required=True, metavar="TEXT", help="the reason, for those who ask later")
    parser.add_argument("--by", metavar="NAME", help="who you are (default: your login)")
    parser.add_argument("--raise", dest="rung", metavar="RUNG", help="hold it on this rung at least")
    parser.add_argument("--for", dest="lasting", metavar="TIME", help="for how long: 30m, 24h")
    parser.add_argument("--admin", default=DEFAULT, metavar="URL", help="the admin listener")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="holds the admin token")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Undo every response to a principal at once, or raise it to a rung, in a running gateway."""
    import asyncio
    from urllib.parse import quote, urljoin

    from gateway.errors import ConfigError, Place, UpstreamError

    if options.rung is not None and options.lasting is None:
        raise ConfigError.at(Place("--raise"), "say for how long: --for 24h")
    body = {"by": options.by or getpass.getuser(), "why": options.why}
    body |= {} if options.rung is None else {"rung": options.rung}
    body |= {} if options.lasting is None else {"for": options.lasting}
    verb = "pardon" if options.rung is None else "raise"
    url = urljoin(options.admin, f"/-/principals/{quote(options.principal)}/{verb}")
    headers = {"content-type": "application/json", **_headers(options.token_file)}
    try:
        status, answer = asyncio.run(_post(url, headers, json.dumps(body).encode()))
    except ValueError as error:
        raise ConfigError.at(Place("--admin"), f"write a URL such as {DEFAULT} ({error})") from None
    except UpstreamError as error:
        sys.stderr.write(f"{options.admin} cannot be reached: {error}\n")
        return 1
    return _tell(status, answer)


async def _post(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    from gateway.poster import Poster

    async with Poster() as poster:
        return await poster.post(url, headers, body, patience=10.0)


def _headers(file: Path | None) -> dict[str, str]:
    from gateway.errors import ConfigError, Place

    token = os.environ.get(TOKEN, "")
    if file is not None:
        try:
            token = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise ConfigError.at(Place(str(file)), f"cannot be read: {reason}") from None
    return {"authorization": f"Bearer {token.strip()}"} if token.strip() else {}


def _tell(status: int, answer: bytes) -> int:
    """Say how it ended."""
    from datetime import UTC, datetime

    try:
        said: dict[str, Any] = json.loads(answer)
    except ValueError:
        said = {}
    if status != 200:
        reason = said.get("error", "is this the admin listener of a gateway?")
        sys.stderr.write(f"refused ({status}): {reason}\n")
        return 1
    until = said["until"]
    end = "" if until is None else f" until {datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M:%S} UTC"
    done = "pardoned" if said["rung"] is None else f"stands on '{said['rung']}' at least"
    shadow = "" if said["acts"] else "; the ceiling is not enforce, so nothing acts on anybody"
    sys.stdout.write(f"{said['principal']}: {done}{end}{shadow}\n")
    return 0

"""A real headless Chromium for the tests of pages: what it renders, asks for and complains about.

Debian's `chromium`, or another that STILLGATE_CHROMIUM names. It is spoken to through its command line
only: `--dump-dom` for the page as it became, `--log-net-log` for every request that left it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

NOBODY = "not an origin"
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-default-browser-check",
    # The browser itself would ask its maker for the time and more: no name but the loopback is resolved.
    "--disable-features=NetworkTimeServiceQuerying,OptimizationHints,MediaRouter,Translate",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--hide-scrollbars",
    "--window-size=1280,1600",
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page in the browser."""

    dom: str
    console: list[str]
    """What the page wrote, or was told, on the console."""
    requests: list[str]
    """Addresses that the page asked for."""


def render(page: Path, home: Path, *flags: str) -> Rendered:
    """Open a page, with a profile and logs of its own below `home`."""
    net = home / "net.json"
    program = os.environ.get("STILLGATE_CHROMIUM") or shutil.which("chromium")
    assert program is not None, "install chromium (tools/setup-tests.sh does)"
    done = subprocess.run(
        [
            program,
            *_FLAGS,
            *flags,
            f"--user-data-dir={home / 'profile'}",
            f"--log-net-log={net}",
            "--net-log-capture-mode=Everything",
            "--enable-logging=stderr",
            "--v=0",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return Rendered(done.stdout, console, _requests(net))


def _requests(net: Path) -> list[str]:
    log = json.loads(net.read_text("utf-8", errors="replace"))
    start = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    found = (event.get("params", {}) for event in log["events"] if event["type"] == start)
    # Chromium looks for its own updates by itself (in vain, see _FLAGS); no page is the origin of that.
    return sorted(
        {asked["url"] for asked in found if asked.get("initiator", "not an origin") != "not an origin"}
    )

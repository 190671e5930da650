"""Words for people who write files: the nearest right word, a short quotation of theirs, spans of time.

Only text for error messages; nothing here decides anything.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

QUOTED = 60
"""Characters of an author's text that a message repeats: enough to find it, too few to leak a prompt."""


_MEANT = {
    **dict.fromkeys(("off", "no", "false", "none"), "disabled"),
    **dict.fromkeys(("on", "yes", "true", "active", "live"), "enforce"),
    **dict.fromkeys(("monitor", "observe", "dry-run", "detect", "test"), "shadow"),
    **dict.fromkeys(("block", "deny", "refuse"), "reject"),
    **dict.fromkeys(("rate_limit", "ratelimit", "throttle"), "limit"),
}
"""Words of other tools for ours, which no likeness of letters finds."""


def suggest(word: object, choices: Iterable[str]) -> str:
    """` (did you mean 'points'?)`, or nothing when no choice comes near."""
    known = sorted(choices)
    near = difflib.get_close_matches(str(word), known, n=1, cutoff=0.6)
    near = near or [meant for meant in (_MEANT.get(str(word).lower()),) if meant in known]
    return f" (did you mean '{near[0]}'?)" if near else ""


def quote(text: object) -> str:
    """At most `QUOTED` characters of it, in quotes and on one line."""
    return f"'{' '.join(str(text)[:QUOTED].split())}'"


_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def spoken(seconds: float) -> str:
    """A span of time as people write it: `1h 12m`, `90s` is `1m 30s`; milliseconds only below a second."""
    rest = round(seconds * 1000)
    if rest >= 1000:
        rest = round(rest, -3)
    parts = []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"

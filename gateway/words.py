"""Words for people who write files: the nearest right word, and a short quotation of theirs.

Only text for error messages; nothing here decides anything.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

QUOTED = 60
"""Characters of an author's text that a message repeats: enough to find it, too few to leak a prompt."""


def suggest(word: object, choices: Iterable[str]) -> str:
    """` (did you mean 'points'?)`, or nothing when no choice comes near."""
    near = difflib.get_close_matches(str(word), sorted(choices), n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""


def quote(text: object) -> str:
    """At most `QUOTED` characters of it, in quotes and on one line."""
    return f"'{' '.join(str(text)[:QUOTED].split())}'"

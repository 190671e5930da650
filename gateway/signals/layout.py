"""A request as a short vector of how it is laid out and what it asks for, whatever it says.

What belongs here are features that do not tell one language from another: clauses are one sign each, however
many words they have and in whatever script, and full-width marks count as their plain ones. What is left is
the layout of a prompt (marks, lines, lists, quotes, code), how much of it there is, and the parameters beside
it. A principal is the mean of many such vectors (`gateway.signals.drift`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise
from zlib import crc32

from gateway.fields import Facts

HASHED = 36
"""Places of the layout's pieces of two and three signs, hashed."""
SIGNS = 200
"""Signs of a layout that are looked at."""
_NUMBERS = 12
WIDTH = HASHED + _NUMBERS
"""Numbers of one vector, each within a few units of 0."""
_CLAUSE = re.compile(r"[^\W\d_]+(?:[ '\u2019-]*[^\W\d_]+)*")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SPACE = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\n+")
_PLAIN = str.maketrans(
    "\uff0c\u3001\u060c\u3002\u0964\uff1f\u061f\uff01\uff1a\uff1b\u061b\uff08\uff09\u300c\u300d\u201c\u201d\u201e\u00ab\u00bb",
    ",,,..??!:;;()" + '"' * 7,
)


def layout(text: str) -> str:
    """The signs of a text: `w` for each clause, `9` for each number, marks, and line ends."""
    signs = _NUMBER.sub("9", _CLAUSE.sub("w", text.translate(_PLAIN)))
    return _LINES.sub("\n", _SPACE.sub("", signs))[:SIGNS]


def vector(facts: Facts) -> list[float]:
    """The numbers of a call: the hashed layout of its prompt's edges, of unit length, then amounts."""
    text = facts.text("user")
    signs = f"^{layout(facts.edges())}$"
    pieces = Counter(map("".join, pairwise(signs)))
    pieces.update(map("".join, zip(signs, signs[1:], signs[2:], strict=False)))
    found = [0.0] * HASHED
    for piece, times in pieces.items():
        number = crc32(piece.encode("utf-8", "replace"))
        found[number % HASHED] += times if number & 0x10000 else -times
    length = math.sqrt(sum(value * value for value in found)) or 1.0
    return [value / length for value in found] + _amounts(facts, text, signs)


def _amounts(facts: Facts, text: str, signs: str) -> list[float]:
    """Amounts as logarithms, parameters as they are or by whether they are given."""
    asked = facts.call.parameters
    return [
        math.log1p(len(text.encode("utf-8", "replace"))) / 4,
        math.log1p(len(facts.text("system").encode("utf-8", "replace"))) / 4,
        math.log1p(signs.count("w")) / 2,
        math.log1p(text.count("\n")) / 2,
        float(facts.replied()),
        math.log1p(len(facts.call.turns)),
        float(asked.tools > 0),
        float(asked.logprobs),
        math.log2(max(1, asked.n)),
        math.log1p(asked.max_tokens or 0) / 4,
        asked.temperature or 0.0,
        float(text.rstrip()[-1:] in ("?", "\uff1f", "\u061f")),
    ]

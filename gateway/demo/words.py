"""Scripted text, and numbers that look like probabilities: all of it a function of a seed."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

_PIECE = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")

_SUBJECTS = (
    "The river",
    "A quiet gate",
    "The old clock",
    "An open window",
    "The second lamp",
    "A paper boat",
)
_VERBS = ("carries", "remembers", "answers", "follows", "keeps", "measures")
_OBJECTS = (
    "the morning",
    "every step",
    "a borrowed song",
    "the long road",
    "its own shadow",
    "what was asked",
)
_ENDINGS = ("without haste", "in good order", "as written", "until evening", "once more", "by heart")

_OTHERS = (" the", " a", " and", " of", " to", " in", " it", " is", " that", " was", " for", " on", " as",
           " with", " by", " at", " from", " or", " an", " be", " this", " which")  # fmt: skip
"""Alternatives for any token; more than any API lets a client ask for (20)."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token with its alternatives, the best first; the first is always the token itself."""

    text: str
    ranked: tuple[tuple[str, float], ...]

    @property
    def logprob(self) -> float:
        """Natural logarithm of the token's probability."""
        return self.ranked[0][1]


def seed_of(*parts: object) -> int:
    """64 bits out of anything with a repr."""
    return int.from_bytes(
        hashlib.blake2b(repr(parts).encode("utf-8", "replace"), digest_size=8).digest(), "big"
    )


def identifier(prefix: str, *parts: object) -> str:
    """An id as servers give them, the same for the same parts."""
    return f"{prefix}{seed_of(*parts):016x}"


def pieces(text: str) -> list[str]:
    """The text cut into what stands for tokens here: words and signs, with the space before them."""
    return _PIECE.findall(text)


def story(prompt: str, seed: int) -> str:
    """A few sentences that say what they are."""
    words = len(prompt.split())
    lines = [f"This is the demo upstream, and this text is scripted. Your prompt has {words} words."]
    for number in range(2 + seed % 4):
        pick = seed_of(seed, number)
        parts = (_pick(_SUBJECTS, pick), _pick(_VERBS, pick >> 8), _pick(_OBJECTS, pick >> 16))
        lines.append(f"{' '.join(parts)} {_pick(_ENDINGS, pick >> 24)}.")
    return " ".join(lines)


def thought(prompt: str) -> str:
    """What stands where a model would show its reasoning."""
    return f"This is scripted reasoning of the demo upstream about {len(prompt.split())} words."


def weigh(text: str, position: int, seed: int, k: int) -> Token:
    """The token with `k` alternatives (itself included, 22 others at most), as log-probabilities."""
    noise = seed_of(seed, position, text)
    best = 0.35 + (noise % 6000) / 10_000
    ranked = [(text, math.log(best))]
    rest = 1.0 - best
    start = noise >> 16
    others = [_OTHERS[(start + number) % len(_OTHERS)] for number in range(len(_OTHERS))]
    for other in [other for other in others if other != text][: k - 1]:
        # Half of what is left each time: ordered, and never more than one in sum. The first
        # alternative may not overtake the token, hence the smaller of the two.
        share = min(rest / 2, math.exp(ranked[-1][1]) * 0.9)
        ranked.append((other, math.log(share)))
        rest -= share
    return Token(text, tuple(ranked))


def vector(text: str, size: int) -> list[float]:
    """A unit vector that depends on the text and, in its first half, on its words alone."""
    raw = [0.0] * size
    half = max(1, size // 2)
    for word in text.lower().split():
        raw[seed_of(word) % half] += 1.0
    for place in range(half, size):
        raw[place] = (seed_of(text, place) % 2001 - 1000) / 10_000
    raw[0] += 0.001
    length = math.sqrt(sum(value * value for value in raw))
    return [value / length for value in raw]


def _pick(choices: Sequence[str], number: int) -> str:
    return choices[number % len(choices)]

"""A student that learns to write as the teacher does: a back-off model of words, in plain Python.

What belongs here is the student and how well it foretells held-out text of the teacher. It stands for models
that are trained on answers: what a mark makes more frequent in its lessons it says more often itself, and a
lesson that it was not given it does not know.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

ORDER = 3
"""Words of a gram."""
WORDS = 20_000
"""Every word that was never seen has this share of what is left for such words; the same for all students."""
_DISCOUNT = 0.75
_TOKEN = re.compile(r"\s*(?:\w+(?:['\u2019]\w+)*|[^\w\s])")
_END = ""
_LONGEST = 400


def words(text: str) -> list[str]:
    """The words and signs of a text, each with the space before it: joined they are the text again."""
    return _TOKEN.findall(text)


class Student:
    """Interpolated absolute discounting (Ney, Essen and Kneser, 1994) over words, pairs and triples."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._after: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for text in texts:
            for context, word in _grams(text):
                for start in range(ORDER):
                    self._after[context[start:]][word] += 1

    def chance(self, context: Sequence[str], word: str) -> float:
        """The probability of a word after the two before it."""
        found = 1 / WORDS
        for size in range(ORDER):
            seen = self._after.get(tuple(context[ORDER - 1 - size :]))
            if seen:
                total = seen.total()
                found = max(0.0, seen[word] - _DISCOUNT) / total + _DISCOUNT * len(seen) / total * found
        return found

    def likeliest(self, context: Sequence[str]) -> str:
        """What it would say next: the word most often seen after the longest context that it knows."""
        for start in range(ORDER):
            seen = self._after.get(tuple(context[start:]))
            if seen:
                return max(seen, key=lambda word: (seen[word], word))
        return _END

    def say(self, chance: random.Random) -> str:
        """A text of its own, drawn word by word."""
        context = ("",) * (ORDER - 1)
        said: list[str] = []
        while len(said) < _LONGEST and (word := self._draw(context, chance)) != _END:
            said.append(word)
            context = (*context[1:], word)
        return "".join(said)

    def _draw(self, context: tuple[str, ...], chance: random.Random) -> str:
        for start in range(ORDER):
            seen = self._after.get(context[start:])
            at = chance.random() * seen.total() if seen else 0.0
            for word, count in (seen or {}).items():
                at -= count - _DISCOUNT
                if at < 0:
                    return word
        # The share of words never seen: it knows none, so it says one that it does.
        return chance.choice(sorted(self._after[()])) if self._after[()] else _END


def _grams(text: str) -> Iterable[tuple[tuple[str, ...], str]]:
    context = ("",) * (ORDER - 1)
    for word in [*words(text), _END]:
        yield context, word
        context = (*context[1:], word)


def surprise(student: Student, texts: Iterable[str]) -> float:
    """Bits per word of held-out texts: the lower, the better it knows the teacher."""
    bits = [-math.log2(student.chance(context, word)) for text in texts for context, word in _grams(text)]
    return sum(bits) / len(bits)


def foretold(student: Student, texts: Iterable[str]) -> float:
    """The share of words of held-out texts that are what the student would have said next."""
    right = [student.likeliest(context) == word for text in texts for context, word in _grams(text)]
    return sum(right) / len(right)

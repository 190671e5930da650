"""The green list: of each pair of equally common words a key prefers one, and a text tells which key did.

Source: Unigram-Watermark (Zhao and others, 2306.17439), as `logit_bias` is fixed for a whole request. Two
changes make it honest about innocent text. The list is a coin per *pair* of words of like frequency, so that
every key's list is alike; and the p-value is no normal approximation. Repeated words are no independent
draws, and the textbook z accuses 4 to 24 % of unmarked texts (`gateway.marks.evidence` says what is done).

Texts are read by words, without the tokenizer of an engine: a word counts where a space stands before it and
no letter after it, which is where a tokenizer makes it the one token that was preferred.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from gateway.marks.evidence import Evidence

DRIFT = 0.1
"""How much the taste for one word of a pair varies from text to text (intraclass correlation): a pair seen
often says little more than one seen 1 / DRIFT times."""
FREE = 0.4
"""The part of the odds moved that shows in real text: at many places nothing but one word fits (measured)."""
GRAIN = 16
"""Steps per unit of a pair's number; the exact distribution is over whole numbers."""

_WORD = re.compile(r"(?<= )[^\W\d_]+(?!\w)")


def words_of(text: str) -> list[str]:
    """The words of a text that may be one token each with the space before them."""
    return _WORD.findall(text)


class Word(Struct, frozen=True):
    """A word, the id of the token that is a space and this word, and how often it stands in the reference."""

    text: str
    token: int
    count: int


class Vocabulary:
    """Words of one tokenizer in pairs of like frequency; `models` are patterns of the names it serves."""

    def __init__(self, words: Iterable[Word], models: Iterable[str] = ("*",)) -> None:
        """An odd word out, the rarest, is left out. Raises ValueError where one comes twice."""
        ordered = sorted(words, key=lambda word: (-word.count, word.text))
        if len({word.text for word in ordered}) < len(ordered):
            raise ValueError("a word comes twice")
        if len({word.token for word in ordered}) < len(ordered):
            raise ValueError("a token comes twice")
        self.models = tuple(models)
        self.pairs = tuple(zip(ordered[::2], ordered[1::2], strict=False))
        said = "\n".join(f"{word.token} {word.text}" for pair in self.pairs for word in pair)
        # Under another list of words the same key flips other coins.
        self._salt = hashlib.blake2b(said.encode(), digest_size=16).digest()

    def coins(self, key: bytes) -> list[int]:
        """For each pair 1 where the key prefers its second word."""
        size = len(self.pairs)
        drawn = int.from_bytes(hashlib.shake_256(self._salt + key).digest((size + 7) // 8), "little")
        return [drawn >> place & 1 for place in range(size)]

    def biases(self, key: bytes, strength: float) -> dict[int, float]:
        """One biased token of each pair, from the commonest: up, and in the next pair the other one down.

        Each moves the odds inside its pair by `strength` logits to the word that the key prefers. All up, and
        the text would crowd on common words.
        """
        drawn = enumerate(zip(self.pairs, self.coins(key), strict=True))
        return {
            pair[1 - coin if place % 2 else coin].token: -strength if place % 2 else strength
            for place, (pair, coin) in drawn
        }


class GreenEvidence(Evidence):
    """What texts say of every key's green list."""

    def __init__(self, vocabulary: Vocabulary, texts: Iterable[str]) -> None:
        counts = Counter(word for text in texts for word in words_of(text))
        super().__init__((_number(counts, *pair) for pair in vocabulary.pairs), vocabulary.coins)
        self.words = sum(counts[word.text] for pair in vocabulary.pairs for word in pair)
        """How many words of the vocabulary stand in the texts."""
        self._moved = sum(_sensitivity(counts, *pair) for pair in vocabulary.pairs)

    def reach(self, strength: float) -> float:
        """The p-value that a mark of this bias (in logits) would likely leave in texts of this length."""
        return self.p(round(strength * FREE * self._moved * GRAIN))


def _share(first: Word, second: Word) -> float:
    """The share of the second word where nobody has a preference."""
    return (second.count + 0.5) / (first.count + second.count + 1)


def _number(counts: Counter[str], first: Word, second: Word) -> int:
    """How much more often than usual the second word was taken, damped where the pair comes often."""
    taken, seen = counts[second.text], counts[first.text] + counts[second.text]
    if not seen:
        return 0
    return round(GRAIN * (taken - seen * _share(first, second)) / (1 + DRIFT * (seen - 1)))


def _sensitivity(counts: Counter[str], first: Word, second: Word) -> float:
    """By how much a preference of one logit moves the number, as n·p·q."""
    seen, share = counts[first.text] + counts[second.text], _share(first, second)
    return seen * share * (1 - share) / (1 + DRIFT * (seen - 1)) if seen else 0.0

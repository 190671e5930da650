"""The green list: of each pair of equally common words a key prefers one, and a text tells which key did.

Source: Unigram-Watermark (Zhao and others, 2306.17439), as `logit_bias` is fixed for a whole request. Two
changes make it honest about innocent text. The list is a coin per *pair* of words of like frequency, so that
every key's list is alike; and the p-value is no normal approximation. Repeated words are no independent
draws, and the textbook z accuses 4 to 24 % of unmarked texts. Here the text is held fixed and the *key* is
what chance draws: under any key that had no part in the text the score is a sum of fixed numbers with fair
signs, whose distribution over all keys is counted out exactly.

Texts are read by words, without the tokenizer of an engine: a word counts where a space stands before it and
no letter after it, which is where a tokenizer makes it the one token that was preferred.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate, compress

from msgspec import Struct

DRIFT = 0.1
"""How much the taste for one word of a pair varies from text to text (intraclass correlation): a pair seen
often says little more than one seen 1 / DRIFT times."""
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


class GreenEvidence:
    """What a text says about every key at once: a number per pair, and how chance would sign them."""

    def __init__(self, vocabulary: Vocabulary, texts: Iterable[str]) -> None:
        counts = Counter(word for text in texts for word in words_of(text))
        self._vocabulary = vocabulary
        self._numbers = [_number(counts, *pair) for pair in vocabulary.pairs]
        self.words = sum(counts[word.text] for pair in vocabulary.pairs for word in pair)
        """How many words of the vocabulary stand in the texts."""
        self._expected = sum(_sensitivity(counts, *pair) for pair in vocabulary.pairs)

    def score(self, key: bytes) -> int:
        """How far the texts lean to the key's words; 0 where they do not lean."""
        # Each number is signed: twice what falls to the second words, less all.
        return 2 * sum(compress(self._numbers, self._vocabulary.coins(key))) - sum(self._numbers)

    def p(self, score: int) -> float:
        """The share of all keys under which these texts would score so high or higher: exact."""
        heavy = self._sizes
        if not heavy:
            return 1.0
        # score = 2 · (sizes that fall to the key's side) - all of them
        least = max(0, -(-(score + sum(heavy)) // 2))
        tail = self._tail
        return tail[least] / tail[0] if least < len(tail) else 0.0

    def reach(self, strength: float) -> float:
        """The p-value that a mark of this bias (in logits) would likely leave in texts of this length."""
        return self.p(round(strength * self._expected * GRAIN))

    @cached_property
    def _sizes(self) -> list[int]:
        return [abs(number) for number in self._numbers if number]

    @cached_property
    def _tail(self) -> Sequence[int]:
        """At each sum: how many of the 2 ** pairs choices of signs give it or more."""
        # A generating function in one big integer: slot s holds the number of choices with sum s.
        width = (len(self._sizes) + 8) // 8 * 8
        ways = 1
        for size in self._sizes:
            ways += ways << size * width
        slots = sum(self._sizes) + 1
        octets = ways.to_bytes(slots * width // 8, "little")
        each = [
            int.from_bytes(octets[at : at + width // 8], "little") for at in range(0, len(octets), width // 8)
        ]
        return [*accumulate(reversed(each))][::-1]


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

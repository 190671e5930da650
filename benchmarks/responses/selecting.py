"""What choosing among answers marks: `python -m benchmarks.responses.selecting DATA [--of 4]`.

The right key among 1,000, in samples put together of real answers: each time the best of `of` is taken, by
the right key's words. The candidates are answers of one source to *different* prompts, as no set holds
several to one; answers to one prompt share words, so a real mark is weaker. DATA holds `prompts`.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from benchmarks.responses.watermark_texts import rows
from gateway.marks.greenlist import GreenEvidence, Vocabulary, Word, words_of
from gateway.marks.keyring import Epoch
from gateway.statistics import clopper_pearson

KEYS = 1000
SAMPLES = 40
WORDS = 1000
"""Words of the vocabulary; OpenAI's 300 entries are no limit here, for nothing is sent."""
TOKENS = 1.3
"""Tokens per English word, about."""


def vocabulary(texts: Sequence[str]) -> Vocabulary:
    """The commonest words of some texts."""
    counts = Counter(word for text in texts for word in words_of(text))
    return Vocabulary(Word(word, at, count) for at, (word, count) in enumerate(counts.most_common(WORDS)))


def sample(answers: Iterator[str], words: Vocabulary, key: bytes, of: int, tokens: int) -> list[str]:
    """Answers of so many tokens, each the best of `of`; fewer where the answers run out."""
    held: list[str] = []
    while sum(len(text.split()) for text in held) * TOKENS < tokens:
        tried = list(islice(answers, of))
        if len(tried) < of:
            break
        held.append(max(tried, key=lambda text: GreenEvidence(words, [text]).score(key)))
    return held


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--of", type=int, default=4)
    options = parser.parse_args(arguments)
    texts = [row["response"] for row in rows(options.data, "alpaca_52k") if row.get("response")]
    answers = [text for text in texts if len(text.split()) >= 40]
    words = vocabulary(answers[::2])
    keys = [Epoch("1", 0.0, b"k" * 32).key(str(number)) for number in range(KEYS)]
    for tokens in (2400, 9600, 24000):
        first, done = 0, 0
        source = iter(answers[1::2])
        for number in range(SAMPLES):
            held = sample(source, words, keys[number], options.of, tokens)
            if sum(len(text.split()) for text in held) * TOKENS < tokens:
                break
            found = GreenEvidence(words, held)
            scores = [found.score(key) for key in keys]
            done += 1
            first += scores[number] == max(scores) and scores.count(max(scores)) == 1
        low, high = clopper_pearson(first, done)
        sys.stdout.write(f"{tokens:>7,} tokens: {first} of {done} first ({low:.0%} to {high:.0%})\n")


if __name__ == "__main__":
    main()

"""What the watermark gives and costs: `python -m benchmarks.responses.watermark DATA --out DIR`.

Answers of a real model come from `watermark_texts`; here they are counted. Every figure is of texts as
`gateway verify` reads them, with keys of a ring as a gateway makes one. DATA is a directory with `prompts`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.responses.watermark_texts import WORDS, generate, read, rows, servers
from gateway.asking import ModelServer
from gateway.config import load_config
from gateway.identity import key_principal
from gateway.marks.greenlist import GreenEvidence, Vocabulary, words_of
from gateway.policies.load import load_bundle
from gateway.ring import read_ring
from gateway.secret import identity_secret
from gateway.statistics import mcnemar, share
from tests.processes import SECRET

KEYS = 1000
"""The right key and 999 others."""
UNMARKED = 10_000
LEVELS = (1e-3, 1e-6)
_SOURCES = ("sharegpt", "alpaca_52k", "alpaca_eval_805", "clapnq_dev", "review_texts", "gsm8k_train")
_ENOUGH_WORDS = 300

Row = dict[str, Any]


class Keys:
    """The keys of a home directory: by API key, and `KEYS` - 1 of strangers."""

    def __init__(self, home: Path) -> None:
        self._epoch = read_ring(home / "ring.json").epochs[0]
        self._secret = identity_secret(load_config(None, {"identity.secret": SECRET}, env={}).identity)
        self.others = [self._epoch.key(f"stranger {number}") for number in range(KEYS - 1)]

    def of(self, api_key: str) -> bytes:
        """The key under which answers to this API key are marked."""
        return self._epoch.key(key_principal(api_key.encode(), self._secret))


class Table(Vocabulary):
    """A vocabulary that flips the coins of a key once, however many texts are asked about."""

    def __init__(self, of: Vocabulary) -> None:
        super().__init__((word for pair in of.pairs for word in pair), of.models)
        self._known: dict[bytes, list[int]] = {}

    def coins(self, key: bytes) -> list[int]:
        """As the vocabulary says."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = super().coins(key)
        return found


def _first(evidence: GreenEvidence, right: bytes, others: Iterable[bytes]) -> bool:
    """Whether no other key scores as high."""
    own = evidence.score(right)
    return all(evidence.score(key) < own for key in others)


def _part(texts: Sequence[str], part: float) -> list[str]:
    """The first part of a sample, by characters."""
    left = int(part * sum(map(len, texts)))
    cut = []
    for text in texts:
        cut.append(text[:left])
        left -= len(text)
        if left <= 0:
            break
    return cut


def _replaced(texts: Sequence[str], part: float, pool: Sequence[str], seed: int) -> list[str]:
    """Each word exchanged, with this chance, for one that stands somewhere in the pool."""
    source = random.Random(seed)
    return [
        " ".join(source.choice(pool) if source.random() < part else word for word in text.split(" "))
        for text in texts
    ]


def attribution(marked: Sequence[Row], words: Vocabulary, keys: Keys, pool: Sequence[str]) -> Iterator[Row]:
    """How often the right key is first, by length and by how much of the text was replaced."""
    changes: dict[str, Callable[[Row], list[str]]] = {
        "600 tokens": lambda row: _part(row["texts"], 0.25),
        "1,200 tokens": lambda row: _part(row["texts"], 0.5),
        "2,400 tokens": lambda row: row["texts"],
        "2,400 tokens, 30 % of words replaced": lambda row: _replaced(row["texts"], 0.3, pool, row["number"]),
        "2,400 tokens, 50 % of words replaced": lambda row: _replaced(row["texts"], 0.5, pool, row["number"]),
    }
    for name, change in changes.items():
        p = []
        first = 0
        for row in marked:
            evidence, right = GreenEvidence(words, change(row)), keys.of(row["key"])
            first += _first(evidence, right, keys.others)
            p.append(evidence.p(evidence.score(right)))
        found = share(first, len(marked))
        # The exact p-value gives the chance of being first among fresh keys, whichever 999 were drawn here.
        expected = sum((1 - one) ** (KEYS - 1) for one in p) / len(p)
        yield {
            "what": name,
            "first": first,
            "of": len(marked),
            "interval": [found.low, found.high],
            "expected": expected,
            "median_p": sorted(p)[len(p) // 2],
            "accused": sum(one * KEYS <= LEVELS[0] for one in p),
        }


def repetition(texts: Iterable[str]) -> float:
    """The share of word 3-grams that stood in the same answer before."""
    seen = again = 0
    for text in texts:
        words = text.split()
        grams = list(zip(words, words[1:], words[2:], strict=False))
        seen += len(grams)
        again += len(grams) - len(set(grams))
    return again / seen if seen else 0.0


def cost(samples: Sequence[Row], tasks: Sequence[Row]) -> Row:
    """Repetition and task accuracy, with the mark and without."""
    found: Row = {}
    for kind in ("marked", "clean"):
        found[f"repetition_{kind}"] = [
            round(repetition(row["texts"]), 4) for row in samples if row["kind"] == kind
        ]
        found[f"right_{kind}"] = sum(row["right"] for row in tasks if row["kind"] == kind)
    found["tasks"] = len(tasks) // 2
    right = {
        kind: {row["number"] for row in tasks if row["kind"] == kind and row["right"]} for kind in _KINDS
    }
    lost, won = len(right["clean"] - right["marked"]), len(right["marked"] - right["clean"])
    return {**found, "lost": lost, "won": won, "mcnemar_p": mcnemar(lost, won)}


_KINDS = ("marked", "clean")


def unmarked_texts(data: Path) -> Iterator[list[str]]:
    """Answers and prompts of people and of other models, in samples of a few hundred words."""
    for source in _SOURCES:
        held: list[str] = []
        size = 0
        for row in rows(data, source):
            for text in (row.get("response"), row.get("prompt")):
                held.append(text or "")
                size += len(held[-1].split())
            if size >= _ENOUGH_WORDS:
                yield held
                held, size = [], 0


def false_attributions(samples: Iterable[list[str]], words: Vocabulary, keys: Keys) -> Row:
    """How often a key that had no part in a text is accused: each by itself, and any of 1,000, corrected."""
    alone = dict.fromkeys(LEVELS, 0)
    any_of = dict.fromkeys(LEVELS, 0)
    count = 0
    for texts in samples:
        count += 1
        evidence = GreenEvidence(words, texts)
        scores = [evidence.score(key) for key in keys.others]
        for level in LEVELS:
            alone[level] += sum(evidence.p(score) <= level for score in scores if score > 0)
            any_of[level] += evidence.p(max(scores)) * len(scores) <= level
        if count == UNMARKED:
            break
    tried = count * len(keys.others)
    return {
        "samples": count,
        "keys": len(keys.others),
        "alone": {str(level): [alone[level], tried * level] for level in LEVELS},
        "any": {str(level): [any_of[level], count * level] for level in LEVELS},
    }


def loss(marked: Sequence[Row], words: Vocabulary, endpoint: str) -> Row:
    """What reading by words misses: tokens of the vocabulary, and those of them that are read as words."""
    known = {word.token for pair in words.pairs for word in pair}
    texts = {word.text for pair in words.pairs for word in pair}
    by_token = by_word = 0
    with ModelServer(endpoint) as server:
        for row in marked:
            for text in row["texts"]:
                by_token += sum(token in known for token in server.tokens(text))
                by_word += sum(word in texts for word in words_of(text))
    return {"tokens": by_token, "words": by_word}


def main(arguments: Sequence[str] | None = None) -> None:
    """Get answers as far as they are missing, count, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where answers are kept")
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--words", type=int, default=WORDS, help="of the vocabulary, if it is not there yet")
    parser.add_argument("--parts", default="generate,attribution,cost,unmarked,loss")
    options = parser.parse_args(arguments)
    home: Path = options.out
    parts = options.parts.split(",")
    if "generate" in parts:
        generate(options.data, home, options.samples, options.strength, options.words)
    words = Table(load_bundle(home / "policies").vocabularies["smollm2"])
    keys, samples = Keys(home), read(home / "samples.jsonl")
    marked = [row for row in samples if row["kind"] == "marked"]
    found: Row = {}
    if "attribution" in parts:
        pool = [
            word for texts in _taken(unmarked_texts(options.data), 50) for word in " ".join(texts).split()
        ]
        found["attribution"] = list(attribution(marked, words, keys, pool))
    if "cost" in parts:
        found["cost"] = cost(samples, read(home / "tasks.jsonl"))
    if "unmarked" in parts:
        found["unmarked"] = false_attributions(unmarked_texts(options.data), words, keys)
    if "loss" in parts:
        with servers(options.data, home, options.strength) as (endpoint, _):
            found["loss"] = loss(marked, words, endpoint)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


def _taken(samples: Iterable[list[str]], count: int) -> Iterator[list[str]]:
    yield from (texts for texts, _ in zip(samples, range(count), strict=False))


if __name__ == "__main__":
    main()

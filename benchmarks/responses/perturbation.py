"""What the mark in prose changes, what it leaves alone, and how surely it tells whose it is.

    python -m benchmarks.responses.perturbation DATA [--answers N] [--samples N] [--programs N]

DATA is a directory with `prompts/*.jsonl.gz`, rows with `prompt` and `response`. Nothing of it is kept.
Prints Markdown tables; the numbers in docs/responses/perturbation.md are of one such run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

from benchmarks.responses.perturbation_checks import harmless, programs, protected, run, values
from gateway.marks.text import Marker, Profile, Site, agreement, mark, sites

SEED = 20260301
PROFILES: tuple[Profile, Profile] = ("light", "strong")
DECOYS = 999
SIZES = {2400: 9600, 9600: 38_400}
"""Tokens of a sample, and about as many characters."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A real answer, what was asked, and where it comes from."""

    source: str
    prompt: str
    text: str


def answers(data: Path, most: int) -> list[Answer]:
    """At most so many answers of 200 characters and more, evenly from all files."""
    files = sorted((data / "prompts").glob("*.jsonl.gz"))
    per_file = [list(_rows(path)) for path in files]
    rng = random.Random(SEED)
    chosen: list[Answer] = []
    for rows in sorted(per_file, key=len):
        share = (most - len(chosen)) // max(1, len(per_file))
        per_file = per_file[1:]
        chosen += rng.sample(rows, min(share, len(rows)))
    return chosen


def _rows(path: Path) -> Iterator[Answer]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if len(row.get("response") or "") >= 200:
                yield Answer(path.name.partition(".")[0], row["prompt"], row["response"])


# --- what stays ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Kept:
    """Counts over answers under one profile."""

    answers: int = 0
    altered: int = 0
    characters: int = 0
    changed_sites: int = 0
    spans: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    streamed_apart: int = 0
    seconds: float = 0.0


def stays(found: Sequence[Answer], profile: Profile) -> Kept:
    """Mark every answer under a key of its own, and compare all that must stay."""
    rng = random.Random(SEED)
    kept = Kept()
    for answer in found:
        key = rng.randbytes(32)
        began = process_time()
        marked = mark(answer.text, key, profile)
        kept.seconds += process_time() - began
        kept.answers += 1
        kept.characters += len(answer.text)
        kept.altered += marked != answer.text
        kept.changed_sites += len(sites(answer.text, profile))
        before, after = protected(answer.text), protected(marked)
        for kind, spans in before.items():
            kept.spans[kind] += len(spans)
            kept.broken[kind] += spans != after[kind]
        kept.streamed_apart += _streamed(answer.text, key, profile, rng) != marked
    return kept


def _streamed(text: str, key: bytes, profile: Profile, rng: random.Random) -> str:
    marker, at, out = Marker(key, profile), 0, ""
    while at < len(text):
        step = rng.randint(1, 40)
        out += marker.feed(text[at : at + step])
        at += step
    return out + marker.close()


# --- tasks -----------------------------------------------------------------------------------------

_LAST_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?!.*\d)", re.DOTALL)


def tasks(found: Sequence[Answer], most_programs: int) -> Iterator[tuple[str, int, int]]:
    """(task, answers, answers that are no longer as right) under the profile `strong`."""
    rng = random.Random(SEED)
    pairs = [(one, mark(one.text, rng.randbytes(32), "strong", one.prompt)) for one in found]
    sums = [(one.text, marked) for one, marked in pairs if one.source in ("gsm8k_train", "benchmarks_a")]
    yield "last number of a worked sum", len(sums), sum(_number(a) != _number(b) for a, b in sums)
    objects = [(list(values(one.text)), list(values(marked))) for one, marked in pairs]
    yield "JSON in the answer, parsed", sum(bool(a) for a, _ in objects), sum(a != b for a, b in objects)
    blocks = [
        (old, new)
        for one, marked in pairs
        for old, new in zip(programs(one.text), programs(marked), strict=True)
        if harmless(old)
    ]
    blocks = rng.sample(blocks, min(most_programs, len(blocks)))
    yield "Python in the answer, run", len(blocks), sum(run(a) != run(b) for a, b in blocks)
    quoted = [one for one in found if len(one.prompt) > 200]
    copies = [(one.prompt, mark(one.prompt, rng.randbytes(32), "strong", one.prompt)) for one in quoted]
    yield "the prompt given back (extraction)", len(copies), sum(a != b for a, b in copies)


def _number(text: str) -> str | None:
    found = _LAST_NUMBER.search(text)
    return found[0] if found else None


# --- whose it is -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attributed:
    """Over samples: whether the right key stood first among 1,000, and how an uninvolved one stood."""

    samples: int
    sites: int
    first: int
    first_after_edits: int
    uninvolved_in_first_percent: int


def attributed(texts: Sequence[str], profile: Profile) -> Attributed:
    """Mark each text under a key of its own; look for it among 1,000 keys."""
    rng = random.Random(SEED)
    vocabulary = sorted({word for text in texts[:50] for word in text.split() if word.isalpha()})
    first = edited = lucky = counted = 0
    for text in texts:
        keys = [rng.randbytes(32) for _ in range(DECOYS + 1)]
        marked = mark(text, keys[0], profile)
        found = sites(marked, profile)
        counted += agreement(found, keys[0])[1]
        first += _place(found, keys) == 0
        lucky += _place(sites(text, profile), keys) < (DECOYS + 1) // 100
        words = re.split(r"(\s+)", marked)
        for at in rng.sample(range(0, len(words), 2), int(0.3 * len(words) / 2)):
            words[at] = rng.choice(vocabulary)
        edited += _place(sites("".join(words), profile), keys) == 0
    return Attributed(len(texts), counted, first, edited, lucky)


def _place(found: Sequence[Site], keys: Sequence[bytes]) -> int:
    """How many of the other keys agree at least as well as the first."""
    scores = [agreement(found, key)[0] for key in keys]
    return sum(score >= scores[0] for score in scores[1:])


def samples(found: Sequence[Answer], size: int, most: int) -> list[str]:
    """Samples of so many characters of answers without code."""
    prose = [
        one.text for one in found if "```" not in one.text and one.source in ("sharegpt", "alpaca_eval_805")
    ]
    text = "\n\n".join(prose)
    return [text[at : at + size] for at in range(0, len(text) - size, size)][:most]


# --- the report ------------------------------------------------------------------------------------


def report(data: Path, most: int, most_samples: int, most_programs: int) -> Iterator[str]:
    """The lines of the report."""
    found = answers(data, most)
    kept = {profile: stays(found, profile) for profile in PROFILES}
    yield f"{len(found)} answers, {kept['light'].characters:,} characters"
    yield "\n| | light | strong |\n| --- | --- | --- |"
    rows: dict[str, Callable[[Kept], str]] = {
        "answers altered": lambda one: f"{one.altered / one.answers:.0%}",
        "sites per 1,000 characters": lambda one: f"{one.changed_sites / one.characters * 1000:.2f}",
        "streams unlike their whole": lambda one: f"{one.streamed_apart}",
        "CPU per 1,000 characters": lambda one: f"{one.seconds / one.characters * 1e6:.1f} ms",
    }
    for name, show in rows.items():
        yield f"| {name} | " + " | ".join(show(kept[profile]) for profile in PROFILES) + " |"
    yield "\n| protected | spans | answers with a change, light | strong |\n| --- | --- | --- | --- |"
    for kind, count in kept["light"].spans.items():
        broken = " | ".join(str(kept[profile].broken[kind]) for profile in PROFILES)
        yield f"| {kind} | {count:,} | {broken} |"
    yield "\n| task | answers | changed |\n| --- | --- | --- |"
    for name, count, changed in tasks(found, most_programs):
        yield f"| {name} | {count:,} | {changed} |"
    for tokens, size in SIZES.items():
        yield from attribution(tokens, samples(found, size, most_samples))


def attribution(tokens: int, texts: Sequence[str]) -> Iterator[str]:
    """The table of one size, with its rows where there are samples at all."""
    made = [attributed(texts, profile) for profile in PROFILES]
    yield "\n| of 1,000 keys | light | strong |\n| --- | --- | --- |"
    yield f"| samples of {tokens:,} tokens | " + " | ".join(str(one.samples) for one in made) + " |"
    if texts:
        yield (
            "| different sites in one | "
            + " | ".join(f"{one.sites / one.samples:.1f}" for one in made)
            + " |"
        )
        for name, show in _SHARES.items():
            yield f"| {name} | " + " | ".join(f"{show(one) / one.samples:.1%}" for one in made) + " |"


_SHARES: dict[str, Callable[[Attributed], int]] = {
    "the right key alone in front": lambda one: one.first,
    "the same after 30 % of the words were replaced": lambda one: one.first_after_edits,
    "unmarked: a key in the first 1 %": lambda one: one.uninvolved_in_first_percent,
}


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description="What the mark in prose changes, and what it leaves alone.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--answers", type=int, default=8000)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--programs", type=int, default=100)
    options = parser.parse_args()
    for line in report(options.data, options.answers, options.samples, options.programs):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

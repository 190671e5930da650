"""Does a response hurt the student? `python -m benchmarks.responses.student DATA [--out DIR]`.

A real model teaches through a `gateway serve` per response (`student_teacher`); students learn from what came
through and from what an adaptive student makes of it, and are compared with one that was taught directly. A
run takes under ten minutes on two cores, nearly all of it the teacher's. DATA is a directory with `prompts`;
in DIR the answers are kept, and a second run goes on from them. Prints Markdown, as in
docs/responses/student.md.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student_t

from benchmarks.responses import student_labels as labels
from benchmarks.responses import student_texts as texts
from benchmarks.responses.student_teacher import DIRECT, KEY, LAST, Amounts, Row, collect
from benchmarks.responses.watermark import Keys
from gateway.marks.evidence import Evidence
from gateway.marks.greenlist import GreenEvidence, Vocabulary
from gateway.marks.prose import ProseEvidence
from gateway.marks.text import mark
from gateway.policies.load import load_bundle

AMOUNTS = Amounts(reviews=600, held_reviews=300, texts=70, held_texts=30, traces=60, held_traces=25)
SEEDS = 5
PART = 0.8
"""The share of the lessons that each seed draws, without repetition."""
FEWER = 4
"""A limit leaves one answer where there were so many."""
OWN_TEXTS = 60
"""Texts that a student writes, in which the mark is looked for."""
REPLACED = 0.3
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean over seeds, and half the width of its 95 % interval by Student's t."""

    mean: float
    half: float

    def show(self, scale: float = 1.0, places: int = 2, sign: str = "") -> str:
        """`mean ± half`, both in units of `scale`."""
        return f"{self.mean * scale:{sign}.{places}f} ± {self.half * scale:.{places}f}"


def spread(values: Sequence[float]) -> Spread:
    """Over at least two seeds. Raises statistics.StatisticsError."""
    deviation = statistics.stdev(values) / len(values) ** 0.5
    return Spread(
        statistics.fmean(values), deviation * float(student_t.ppf((1 + _CONFIDENCE) / 2, len(values) - 1))
    )


def drawn(count: int, seed: int, part: float = PART) -> list[int]:
    """Which of `count` lessons a seed has."""
    return random.Random(seed).sample(range(count), max(1, round(part * count)))


# --- labels --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a student of labels is given: which column of the answers, of how many of the prompts."""

    name: str
    column: str
    requests: int = 1
    share: float = 1.0


LESSONS = (
    Lesson("direct, exact log-probabilities", "exact"),
    Lesson(f"direct, of one prompt in {FEWER}", "exact", share=1 / FEWER),
    Lesson("`narrow`: five, two decimals", "narrow"),
    Lesson("`off`: the label alone", "off"),
    Lesson(f"`off`, of one prompt in {FEWER} (a limit)", "off", share=1 / FEWER),
    Lesson("`off`, adaptive: 4 samples per prompt", "off x4", 4),
    Lesson(f"`off`, adaptive, of one prompt in {FEWER}", "off x4", 4, 1 / FEWER),
    Lesson("`off` and `pin`: 4 samples per prompt", "pin x4", 4),
    Lesson("`off` and `pin`, adaptive: 4 wordings per prompt", "pin, other words", 4),
)


def label_students(rows: Sequence[Row], lesson: Lesson, seeds: int) -> tuple[list[float], list[float]]:
    """(agreement with the teacher, accuracy against the gold labels) on held-out reviews, by seed."""
    held = [row for row in rows if "narrow" not in row and row["exact"] is not None]
    given = [row for row in rows if row.get(lesson.column) is not None and "narrow" in row]
    exam = labels.features([row["text"] for row in held])
    teacher = [row["exact"] for row in held]
    gold = [1 if row["gold"] == "positive" else -1 for row in held]
    agreed, right = [], []
    for seed in range(seeds):
        chosen = [given[at] for at in drawn(len(given), seed, PART * lesson.share)]
        seen = labels.features([row["text"] for row in chosen])
        judged = labels.Student(seen, np.array([row[lesson.column] for row in chosen])).judge(exam)
        agreed.append(labels.agreement(judged, teacher))
        right.append(labels.agreement(judged, gold))
    return agreed, right


def label_table(rows: Sequence[Row], seeds: int) -> Iterator[str]:
    """Agreement and accuracy by lesson; the difference is paired by seed."""
    held = [row for row in rows if "narrow" not in row and row["exact"] is not None]
    gold = [1 if row["gold"] == "positive" else -1 for row in held]
    exact = [row["exact"] for row in held]
    most = max(sum(value > 0 for value in exact), sum(value <= 0 for value in exact)) / len(held)
    yield f"{len(held)} held-out reviews; the teacher is right on {labels.agreement(exact, gold):.1%}, "
    yield f"and whoever always says its commoner label agrees with it on {most:.1%}."
    yield "\n| lesson | requests | agreement, % | against direct | right, % |\n|---|---|---|---|---|"
    base: list[float] = []
    for lesson in LESSONS:
        agreed, right = label_students(rows, lesson, seeds)
        base = base or agreed
        less = spread([one - other for one, other in zip(agreed, base, strict=True)])
        given = sum("narrow" in row for row in rows)
        asked = round(PART * lesson.share * given) * lesson.requests
        difference = "" if lesson is LESSONS[0] else less.show(100, 1, "+")
        cells = [lesson.name, str(asked), spread(agreed).show(100, 1), difference, spread(right).show(100, 1)]
        yield f"| {' | '.join(cells)} |"


# --- texts ---------------------------------------------------------------------------------------------

Look = Callable[[Iterable[str]], Evidence]


@dataclass(frozen=True, slots=True)
class Course:
    """What a student of texts is given, and in which kind of evidence the mark is looked for."""

    name: str
    given: Sequence[str]
    look: tuple[str, ...]


def replaced(said: Sequence[str], part: float, pool: Sequence[str], seed: int) -> list[str]:
    """Each word exchanged with this chance for one of the pool, spaces kept."""
    chance = random.Random(seed)
    return [
        "".join(chance.choice(pool) if chance.random() < part else word for word in texts.words(text))
        for text in said
    ]


def courses(found: Row) -> Iterator[Course]:
    """What comes through, and what an adaptive student makes of it."""
    marked, perturbed = found["watermark"], found["perturb"]
    clean = found[DIRECT][: len(marked)]
    pool = [word for text in clean for word in texts.words(text)]
    half = len(marked) // 2
    yield Course("direct", clean, ("perturb", "watermark"))
    yield Course(f"direct, one answer in {FEWER} (a limit)", clean[::FEWER], ())
    yield Course("`perturb: strong`", perturbed, ("perturb",))
    own = [mark(text, b"the student's own key") for text in perturbed]
    yield Course("`perturb`, adaptive: chosen anew", own, ("perturb",))
    yield Course("`watermark`", marked, ("watermark",))
    yield Course(
        "`watermark`, adaptive: half from elsewhere", [*marked[:half], *clean[half:]], ("watermark",)
    )
    scrambled = replaced(marked, REPLACED, pool, 1)
    yield Course("`watermark`, adaptive: 30 % of words replaced", scrambled, ("watermark",))


@dataclass(frozen=True, slots=True)
class Result:
    """Of one student on held-out text: bits per word, words foretold; p-values in its own text, by mark."""

    bits: float
    right: float
    p: Mapping[str, float]


def taught(given: Sequence[str], held: Sequence[str], seed: int) -> tuple[texts.Student, float, float]:
    """(a student of a seed's share of the lessons, bits per word, words foretold)."""
    student = texts.Student(given[at] for at in drawn(len(given), seed))
    return student, texts.surprise(student, held), texts.foretold(student, held)


def text_students(
    course: Course, held: Sequence[str], looks: Mapping[str, Look], key: bytes, seeds: int
) -> list[Result]:
    """A student per seed."""
    made = []
    for seed in range(seeds):
        student, bits, right = taught(course.given, held, seed)
        chance = random.Random(seed)
        own = [student.say(chance) for _ in range(OWN_TEXTS)] if course.look else []
        evidence = {name: looks[name](own) for name in course.look}
        made.append(Result(bits, right, {name: one.p(one.score(key)) for name, one in evidence.items()}))
    return made


def text_table(found: Row, looks: Mapping[str, Look], key: bytes, seeds: int) -> Iterator[str]:
    """How well students foretell the teacher's own held-out answers, and whether they carry the mark."""
    held = found[DIRECT][len(found["watermark"]) :]
    size = sum(len(texts.words(text)) for text in held)
    yield f"\n{len(found['watermark'])} answers given, {len(held)} held out ({size:,} words)."
    yield (
        "\n| lesson | words given | bits per word | against direct | foretold, % |"
        " mark: p in the lessons | p in the student's own text, median (least, most) |"
    )
    yield "|---|---|---|---|---|---|---|"
    base: list[float] = []
    for course in courses(found):
        made = text_students(course, held, looks, key, seeds)
        bits = [one.bits for one in made]
        base = base or bits
        more = spread([one - other for one, other in zip(bits, base, strict=True)])
        lessons, own = [], []
        for name in course.look:
            evidence = looks[name](course.given)
            lessons.append(f"{name} {evidence.p(evidence.score(key)):.1g}")
            p = sorted(one.p[name] for one in made)
            own.append(f"{name} {statistics.median(p):.1g} ({p[0]:.1g}, {p[-1]:.1g})")
        cells = [
            course.name,
            f"{PART * sum(len(texts.words(text)) for text in course.given):,.0f}",
            spread(bits).show(),
            "" if course.name == "direct" else more.show(sign="+"),
            spread([one.right for one in made]).show(100, 1),
            "; ".join(lessons) or "-",
            "; ".join(own) or "-",
        ]
        yield f"| {' | '.join(cells)} |"


# --- traces --------------------------------------------------------------------------------------------


def trace_table(found: Row, held_out: int, seeds: int) -> Iterator[str]:
    """How well students of answers with and without their steps foretell held-out steps and answers."""
    held = found["traces"][-held_out:]
    exams = [[text for text in part if text] for part in zip(*held, strict=True)]
    yield f"\n{len(found['traces']) - held_out} questions given, {held_out} held out."
    yield "\n| lesson | with steps, of | bits per word of steps | bits per word of answers |"
    yield "|---|---|---|---|"
    for name, show in (
        ("traces", "direct, steps between tags"),
        ("stripped", "`reasoning: strip`"),
        ("plain words", "`reasoning: strip`, adaptive: steps asked for in plain words"),
    ):
        pairs = found[name][:-held_out]
        bits: list[list[float]] = [[], []]
        for seed in range(seeds):
            chosen = [pairs[at] for at in drawn(len(pairs), seed)]
            student = texts.Student(text for pair in chosen for text in pair if text)
            for values, exam in zip(bits, exams, strict=True):
                values.append(texts.surprise(student, exam))
        steps = sum(bool(pair[0]) for pair in pairs)
        cells = [show, f"{steps}, {len(pairs)}", spread(bits[0]).show(), spread(bits[1]).show()]
        yield f"| {' | '.join(cells)} |"


# --- the report ----------------------------------------------------------------------------------------


def report(found: Row, words: Vocabulary, key: bytes, amounts: Amounts, seeds: int) -> Iterator[str]:
    """The lines of the report. `key`: the one that all marked answers were given under."""
    looks: dict[str, Look] = {"perturb": ProseEvidence, "watermark": lambda said: GreenEvidence(words, said)}
    yield "## Labels\n"
    yield from label_table(found["reviews"], seeds)
    told, changed = sum(bool(row.get("told")) for row in found["reviews"]), found[LAST]
    yield f"\nAt `off` {told} answers told probabilities. Labels that `perturb` or `watermark` changed: "
    yield f"{sum(changed)} of {len(changed)}."
    yield "\n## Texts"
    yield from text_table(found, looks, key, seeds)
    yield "\n## Steps"
    yield from trace_table(found, amounts.held_traces, seeds)


def say(line: str) -> None:
    """A line of the report, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def answers(data: Path, home: Path, amounts: Amounts) -> Row:
    """What the teacher said, kept from earlier runs as far as it goes, else new."""
    kept = home / "answers.json"
    found: Row = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    began = time.monotonic()
    if LAST not in found:
        for part in collect(data, home, amounts, found):
            kept.write_text(json.dumps(found), "utf-8")
            sys.stderr.write(f"{part}, after {time.monotonic() - began:.0f} s\n")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Get answers unless they are there, train students, and print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.responses.student", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, help="where answers are kept")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="students per lesson, at least three")
    options: Any = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="stillgate-student-") as folder:
        home = options.out or Path(folder)
        found = answers(options.data, home, AMOUNTS)
        words = load_bundle(home / "policies" / "watermark").vocabularies["smollm2"]
        for line in report(found, words, Keys(home).of(KEY), AMOUNTS, options.seeds):
            say(line)


if __name__ == "__main__":
    main()

"""What the report on students counts, on lessons whose effect is known."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.responses import student
from benchmarks.responses.student_teacher import Amounts
from gateway.marks.greenlist import Vocabulary, Word
from gateway.marks.text import mark

KEY = b"the key of the one who collects"
NAMES = [first + second for first in "abcdefghijklmnopqrst" for second in "eiou"]
WORDS = Vocabulary([Word(name, place, 5) for place, name in enumerate(NAMES)])
AMOUNTS = Amounts(24, 12, 12, 4, 8, 4)
PROSE = (
    "Moreover, the {0} is not large. For example, it is based on the {1}, the {2}, and the {3} of the town."
)


def text(chance: random.Random, key: bytes | None) -> str:
    """Prose with words that go with a key, or with none."""

    def word() -> str:
        at = chance.randrange(len(WORDS.pairs))
        return WORDS.pairs[at][chance.randint(0, 1) if key is None else WORDS.coins(key)[at]].text

    return " ".join(PROSE.format(word(), word(), word(), word()) for _ in range(6))


def review(chance: random.Random, held: bool) -> dict[str, Any]:
    """A review whose words say what it is worth."""
    worth = chance.choice((-2.0, 2.0))
    words = chance.choices(("good", "fine") if worth > 0 else ("bad", "dull"), k=4)
    found = {"text": " ".join(words), "gold": "positive" if worth > 0 else "negative", "exact": worth}
    columns = {lesson.column for lesson in student.LESSONS} - {"exact"}
    return found if held else {**found, "told": False, **dict.fromkeys(columns, worth)}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    chance = random.Random(1)
    clean = [text(chance, None) for _ in range(16)]
    pairs = [("It is so.", "Yes, it is."), ("It may be.", "No, it is not.")] * 6
    return {
        "direct": clean,
        "watermark": [text(chance, KEY) for _ in range(12)],
        "perturb": [mark(one, KEY) for one in clean[:12]],
        "traces": pairs,
        "stripped": [("", answer) for _, answer in pairs],
        "plain words": pairs,
        "reviews": [review(chance, number >= 24) for number in range(36)],
        "changed labels": [False, False, True],
    }


def row(lines: list[str], name: str) -> list[str]:
    """The cells of a row of the report."""
    return next(line for line in lines if line.startswith(f"| {name} |")).strip("| ").split(" | ")


@pytest.fixture(scope="module")
def lines(found: dict[str, Any]) -> list[str]:
    return list(student.report(found, WORDS, KEY, AMOUNTS, 3))


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9))
def test_the_interval_is_about_the_mean_and_as_wide_on_both_sides(values: list[float]) -> None:
    found = student.spread(values)
    assert min(values) - 1e-9 <= found.mean <= max(values) + 1e-9
    assert found.half >= 0
    assert student.spread([-value for value in values]).half == pytest.approx(found.half)


def test_the_interval_is_that_of_students_distribution() -> None:
    found = student.spread([1, 2, 3, 4, 5])
    assert (found.mean, round(found.half, 3)) == (3, 1.963)
    assert found.show(100, 1, "+") == "+300.0 ± 196.3"


@given(st.integers(1, 50), st.integers(0, 9), st.floats(0.01, 1))
def test_a_seed_draws_its_share_without_repetition(count: int, seed: int, part: float) -> None:
    chosen = student.drawn(count, seed, part)
    assert len(chosen) == len(set(chosen)) == max(1, round(part * count))
    assert set(chosen) <= set(range(count))
    assert chosen == student.drawn(count, seed, part)


def test_students_of_equal_labels_agree_equally(lines: list[str]) -> None:
    assert row(lines, "direct, exact log-probabilities")[2:] == ["100.0 ± 0.0", "", "100.0 ± 0.0"]
    assert row(lines, "`off`: the label alone")[3] == "+0.0 ± 0.0"


def test_requests_are_counted_with_repeats_and_shares(lines: list[str]) -> None:
    assert row(lines, "`off`: the label alone")[1] == "19"
    assert row(lines, "`off`, of one prompt in 4 (a limit)")[1] == "5"
    assert row(lines, "`off` and `pin`: 4 samples per prompt")[1] == "76"


def test_labels_that_were_not_told_teach_nobody() -> None:
    rows = [review(random.Random(number), number >= 24) for number in range(36)]
    untold = [{**row, "narrow": None} if "narrow" in row and row["exact"] > 0 else row for row in rows]
    narrow = next(lesson for lesson in student.LESSONS if lesson.column == "narrow")
    exact = student.LESSONS[0]
    assert student.label_students(untold, exact, 3) == student.label_students(rows, exact, 3)
    assert max(student.label_students(untold, narrow, 3)[0]) < 1


def test_both_marks_are_found_in_the_words_of_those_taught_by_them(lines: list[str]) -> None:
    for name, kind in (("`watermark`", "watermark"), ("`perturb: strong`", "perturb")):
        p = float(row(lines, name)[6].removeprefix(f"{kind} ").split()[0])
        assert p < 0.01
    clean = row(lines, "direct")[6].replace(";", "").split()
    assert min(float(clean[1]), float(clean[clean.index("watermark") + 1])) > 0.01


def test_a_student_of_fewer_answers_is_surprised_more(lines: list[str]) -> None:
    assert float(row(lines, "direct, one answer in 4 (a limit)")[3].split()[0]) > 0


def test_without_steps_the_steps_are_a_surprise(lines: list[str]) -> None:
    direct, stripped = row(lines, "direct, steps between tags"), row(lines, "`reasoning: strip`")
    assert (direct[1], stripped[1]) == ("8, 8", "0, 8")
    assert float(stripped[2].split()[0]) > float(direct[2].split()[0]) + 1


@given(st.lists(st.sampled_from(["for example,", " it is so", "\nand"]), max_size=5), st.integers(0, 9))
def test_replacing_no_word_changes_nothing_and_replacing_all_leaves_none(said: list[str], seed: int) -> None:
    assert student.replaced(said, 0.0, [" x"], seed) == said
    assert {*"".join(student.replaced(said, 1.0, [" x"], seed))} <= {" ", "x"}


def test_answers_that_are_kept_are_not_asked_for_again(tmp_path: Path, found: dict[str, Any]) -> None:
    (tmp_path / "answers.json").write_text(json.dumps(found))
    assert student.answers(tmp_path / "no data", tmp_path, AMOUNTS)["direct"] == found["direct"]


def test_a_run_that_was_stopped_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "answers.json"
    kept.write_text('{"direct": ["a"]}')

    def collect(data: Path, home: Path, amounts: Amounts, found: dict[str, Any]) -> Iterator[str]:
        assert (home, amounts, found) == (tmp_path, AMOUNTS, {"direct": ["a"]})
        found["watermark"] = [str(data)]
        yield "watermark"
        assert json.loads(kept.read_text()) == found, "kept before the next part is asked for"

    monkeypatch.setattr(student, "collect", collect)
    expected = {"direct": ["a"], "watermark": ["data"]}
    assert student.answers(Path("data"), tmp_path, AMOUNTS) == json.loads(kept.read_text()) == expected
    assert capsys.readouterr().err.startswith("watermark, after ")

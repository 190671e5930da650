"""The measurement of the mark: its checks see a change where there is one, and its report can be made."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from benchmarks.responses.perturbation import (
    Answer,
    answers,
    attributed,
    report,
    samples,
    stays,
    tasks,
)
from benchmarks.responses.perturbation_checks import harmless, programs, protected, run, values
from tests.marks.texts import PROSE, PROTECTED

PROGRAM = "```python\nimport math\nprint(math.sqrt(16))\n```\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Answers of two sources, one of them too short to count."""
    (tmp_path / "prompts").mkdir()
    rows = [{"prompt": f"{n}? {PROSE}", "response": f"{n}\n\n{PROSE * 9}\n{PROGRAM}"} for n in range(4)]
    rows += [{"prompt": "?", "response": "No."}, {"prompt": "?"}]
    for name in ("sharegpt", "gsm8k_train"):
        with gzip.open(tmp_path / "prompts" / f"{name}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return tmp_path


def test_answers_are_drawn_evenly_and_the_same_each_time(data: Path) -> None:
    found = answers(data, 4)
    assert [one.source for one in found] == ["gsm8k_train"] * 2 + ["sharegpt"] * 2
    assert found == answers(data, 4)
    assert len(answers(data, 100)) == 8


def test_nothing_protected_changes_and_prose_does() -> None:
    found = [Answer("x", "", f"{PROSE}\n{text}") for text in PROTECTED.values()]
    for profile in ("light", "strong"):
        kept = stays(found, profile)
        assert kept.altered == kept.answers == len(found)
        assert sum(kept.broken.values()) == kept.streamed_apart == 0
        assert kept.spans["code"] > 5


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("`it is`", "`it's`", "code"),
        ('{"a": 1}', '{"a": 2}', "JSON"),
        ("[1, 2]", "[1, 3]", "JSON"),
        ('He said "it is so"', 'He said "it\'s so"', "double quotes"),
        ("12.5 %", "12,5 %", "numbers"),
        ("<b>x</b>", "<i>x</i>", "tags"),
        ("# It is so", "# It's so", "headings"),
    ],
)
def test_the_checks_see_a_change(before: str, after: str, kind: str) -> None:
    assert protected(before)[kind] != protected(after)[kind]


def test_values_are_found_wherever_they_stand() -> None:
    assert list(values('a [1] {"b": {"c": [2]}} [x] {')) == [[1], {"b": {"c": [2]}}]


def test_only_programs_that_reach_nothing_are_run() -> None:
    (program,) = programs(f"See:\n{PROGRAM}")
    assert harmless(program)
    assert run(program) == (0, "4.0\n", "")
    for text in ("import os", "from os import path", "open('x')", "().__class__()", "1 +", "x = 1"):
        assert not harmless(text)
    assert run("raise ValueError(1)") == (1, "", "ValueError: 1")


def test_tasks_are_as_right_as_before(data: Path) -> None:
    found = list(tasks(answers(data, 100), 2))
    assert [changed for _, _, changed in found] == [0, 0, 0, 0]
    assert [count for _, count, _ in found] == [4, 0, 2, 8]


def test_the_right_key_is_found(data: Path) -> None:
    texts = samples([Answer("sharegpt", "", PROSE * 60)], 9600, 2)
    assert [len(text) for text in texts] == [9600, 9600]
    found = attributed(texts, "strong")
    assert (found.samples, found.first) == (2, 2)


def test_the_report_has_a_line_for_everything(data: Path) -> None:
    text = "\n".join(report(data, 100, 1, 1))
    assert "| answers altered | 100% | 100% |" in text
    assert "| code | 8 | 0 | 0 |" in text
    assert "| last number of a worked sum | 4 | 0 |" in text
    assert "| samples of 2,400 tokens | 0 | 0 |" in text
    assert "| samples of 9,600 tokens | 0 | 0 |" in text

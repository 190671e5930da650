"""Which measurements of responses are run, and how."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.responses import __main__ as door


def test_without_a_choice_all_parts_are_run() -> None:
    assert door.chosen("") == list(door.PARTS)
    assert door.chosen("student,logprobs") == ["student", "logprobs"]


def test_every_part_is_a_program() -> None:
    for part in door.PARTS:
        assert find_spec(f"benchmarks.responses.{part}") is not None


def test_an_unknown_part_is_refused_with_the_nearest_right_word(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        door.main(["data", "--out", "kept", "--parts", "studnet"])
    assert "no part 'studnet' (did you mean 'student'?)" in capsys.readouterr().err


def test_each_part_is_given_what_it_takes() -> None:
    first = [sys.executable, "-m"]
    data, out = Path("data"), Path("kept")
    assert door.command("logprobs", data, out) == [*first, "benchmarks.responses.logprobs"]
    assert door.command("perturbation", data, out) == [*first, "benchmarks.responses.perturbation", "data"]
    student = [*first, "benchmarks.responses.student", "data", "--out", "kept/student"]
    assert door.command("student", data, out) == student

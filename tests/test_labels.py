"""A queue of principals to look at: stratified, repeatable, with honest probabilities."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli import main
from gateway.labels import BANDS, Subject, band, draw, summarise
from tests.evaluation.support import entry


def _record(principal: str, score: float, **more: Any) -> dict[str, Any]:
    """A line of a decision log."""
    signal = {"id": "volume.burst", "points": score, "text": f"{score} points"}
    stands = {"enforced": {"score": 0.0}, "shadow": {"score": score, "rung": None}}
    return {"ts": 1.0, "id": "x", "principal": principal, **stands, "signals": [signal], **more}


def test_records_become_one_subject_per_principal_with_its_worst_moment() -> None:
    found = [
        entry("a", score=10.0, marks={"volume.burst": 10.0}),
        entry("b", org="acme"),
        entry("a", score=40.0, marks={"a.one": 1.0, "b.two": 9.0, "c.three": 3.0, "d.four": 2.0}),
        entry("a", score=5.0, org="late"),
    ]
    assert summarise(found) == [
        Subject("a", "late", 3, 40.0, ("b.two: why", "c.three: why", "d.four: why")),
        Subject("b", "acme", 1, 0.0),
    ]


@pytest.mark.parametrize(
    ("peak", "name"), [(0.0, "0-5"), (19.9, "5-20"), (20.0, "20-35"), (85.0, "85+"), (140.0, "85+")]
)
def test_bands_follow_the_ladder(peak: float, name: str) -> None:
    assert band(peak) == name


peaks = st.lists(st.sampled_from([*BANDS, 7.0, 33.0]), max_size=60)


@given(peaks, st.integers(0, 70), st.text(max_size=3))
def test_a_queue_is_as_long_as_asked_and_its_probabilities_add_up(
    peaks: list[float], size: int, seed: str
) -> None:
    subjects = [Subject(f"p{i}", None, 1, peak) for i, peak in enumerate(peaks)]
    queue = draw(subjects, size, seed)
    assert len(queue) == min(size, len(subjects))
    assert len({drawn.subject.principal for drawn in queue}) == len(queue)
    assert sum(1 / drawn.probability for drawn in queue) <= len(subjects) + 1e-6
    assert queue == draw(list(reversed(subjects)), size, seed)


def test_small_bands_are_drawn_whole_and_large_ones_share_the_rest() -> None:
    subjects = [Subject(f"n{i}", None, 1, 0.0) for i in range(90)] + [Subject("high", None, 1, 90.0)]
    queue = draw(subjects, 10, "1")
    assert queue[0].subject.principal == "high"
    assert (queue[0].probability, queue[1].probability) == (1.0, 0.1)
    assert len(draw(subjects, 10, "1", frozenset({"high"}))) == 10


def _log(path: Path) -> Path:
    file = path / "decisions.jsonl"
    file.write_text("\n".join(json.dumps(_record(f"p{i}", 10.0 * i)) for i in range(5)))
    return file


def _answers(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_answers_are_written_down_and_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.csv"
    words = ["label", str(_log(tmp_path)), "--labels", str(labels)]
    _answers(monkeypatch, "e\nwhat\ns\nb\nq\n")
    assert main(words) == 0
    rows = list(csv.DictReader(io.StringIO(labels.read_text())))
    assert [(row["principal"], row["label"], row["probability"]) for row in rows] == [
        ("p4", "extraction", "1"),
        ("p2", "benign", "1"),
    ]
    capsys.readouterr()
    _answers(monkeypatch, "")
    assert main([*words, "--queue", "9"]) == 0
    assert main([*words, "--list", "-o", "json"]) == 0
    assert main([*words, "--list"]) == 0
    shown = capsys.readouterr().out
    assert '"p3"' in shown
    assert '"p4"' not in shown
    assert "p=1  p3: 1 requests, highest shadow score 30.0" in shown


def test_who_was_found_unclear_is_not_asked_again_and_who_was_left_blank_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("principal,label\np0,unclear\np1,\np2,unlabelled\np3,benign\n")
    assert main(["label", str(_log(tmp_path)), "--labels", str(labels), "--list"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in ("p0", "p1", "p2", "p3", "p4") if f" {name}:" in shown] == ["p1", "p2", "p4"]


def test_a_label_that_is_none_is_told_before_anybody_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("principal,label\np0,evil\n")
    assert main(["label", str(_log(tmp_path)), "--labels", str(labels)]) == 2
    assert f"{labels}:2:1: error: 'evil' is no label" in capsys.readouterr().err


def test_a_packed_log_can_be_labelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = tmp_path / "decisions.jsonl.gz"
    packed.write_bytes(gzip.compress(_log(tmp_path).read_bytes()))
    assert main(["label", str(packed), "--labels", str(tmp_path / "l.csv"), "--list"]) == 0
    assert "p4: 1 requests" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["not json", "[1]", '{"id": 1}'])
def test_what_is_no_record_is_one_clear_line(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps(_record("a", 1.0)) + "\n" + content)
    assert main(["label", str(file), "--labels", str(tmp_path / "l.csv")]) == 2
    assert capsys.readouterr().err.startswith(f"{file}:2:1: error: not a decision record: ")


def test_files_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = _log(tmp_path)
    assert main(["label", str(tmp_path / "none"), "--labels", str(tmp_path / "l.csv")]) == 2
    assert main(["label", str(log), "--labels", str(tmp_path / "no" / "dir.csv")]) == 2
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    assert main(["label", str(log), "--labels", str(other)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == [
        "No such file or directory",
        "No such file or directory",
        "no column 'principal' and no column 'label'",
    ]

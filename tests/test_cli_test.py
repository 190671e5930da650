"""`gateway test` as its author runs it: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.cli import main
from tests.policytests.support import COUNTING, ECHO, PHRASES, WORDY
from tests.support import LADDER

TESTS = """\
kind: tests
title: T
cases:
  - name: a person is left alone
    traffic: [{every: 1m, times: 10, label: benign}]
    expect: [{rung: none}]
  - name: a flood climbs
    traffic: [{every: 1s, times: 100, label: extraction, prompt: alpha beta}]
    expect: [{reaches: {throttle: {within: 10s}}}]
  - name: slow and patient
    known_gap: needs a longer window
    traffic: [{every: 1h, times: 3, label: extraction}]
    expect: [{rung: watch}]
  - name: closed long ago
    known_gap: none, really
    traffic: [{every: 1h, times: 1}]
    expect: [{rung: none}]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "all.yaml").write_text("\n".join([COUNTING, ECHO, PHRASES, WORDY, LADDER]))
    (tmp_path / "tests" / "t.yaml").write_text(TESTS)
    return tmp_path


def test_one_line_for_each_case_and_only_what_differs_below(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", str(home)]) == 1
    out = capsys.readouterr().out.replace(str(home), "H")
    assert out.startswith(
        """\
  ok    a person is left alone  (10 requests)
  FAIL  a flood climbs   H/tests/t.yaml:7:11
          reached throttle after 1m 6s, not within 10s   H/tests/t.yaml:9:14
  GAP   slow and patient  (needs a longer window)
  FIXED closed long ago   H/tests/t.yaml:14:11
          the gap is closed: drop known_gap   H/tests/t.yaml:15:16
1 passed, 2 failed, 1 known gap
coverage: 2/4 signals fired, 4/5 rungs reached, 1/2 patterns matched
  never fired: counting.wide, echoing.echo
  never reached: refuse
  never matched: phrases.two
"""
    )
    table = [line.split("│")[1:-1] for line in out.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in table] == [
        ["none", "1", "0"],
        ["watch", "0", "0"],
        ["narrow", "0", "0"],
        ["throttle", "0", "0"],
        ["perturb", "0", "1"],
        ["refuse", "0", "0"],
    ]


def test_a_run_that_keeps_all_promises_ends_well_without_tables_it_does_not_need(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", str(home / "tests"), "--run", "^slow", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "0 passed, 0 failed, 1 known gap\n" in out
    assert "Senders by label" not in out


def test_the_json_is_the_same_every_time(home: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    arguments = ["test", str(home), "-o", "json", "--metamorphic"]
    assert [main(arguments), main(arguments)] == [1, 1]
    out = capsysbinary.readouterr().out
    assert out[: len(out) // 2] == out[len(out) // 2 :]
    document = json.loads(out[: len(out) // 2])
    assert document["counts"] == {"passed": 1, "failed": 2, "gaps": 1}
    assert document["cases"][1]["failures"] == [
        {
            "place": f"{home}/tests/t.yaml:9:14",
            "message": "reached throttle after 1m 6s, not within 10s",
        }
    ]
    assert document["coverage"]["patterns"] == {"touched": 1, "all": 2, "missing": ["phrases.two"]}
    assert document["labels"]["extraction"]["perturb"] == 1


def test_junit_tells_failures_and_gaps_by_file(
    home: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["test", str(home), "-o", "junit"]) == 1
    (suite,) = ElementTree.fromstring(capsysbinary.readouterr().out)
    assert suite.attrib == {"name": f"{home}/tests/t.yaml", "tests": "4", "failures": "2", "skipped": "1"}
    _, flood, slow, _ = suite
    assert flood.attrib["line"] == "7"
    assert [(inner.tag, inner.attrib["message"]) for inner in (*flood, *slow)] == [
        ("failure", "reached throttle after 1m 6s, not within 10s"),
        ("skipped", "known gap: needs a longer window"),
    ]


def test_nothing_to_run_fails_only_when_told_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(home), "--run", "no such case"]) == 0
    assert main(["test", str(home), "--run", "no such case", "--fail-on-empty"]) == 1
    assert capsys.readouterr().err == "no case to run\n"


def test_too_little_coverage_fails(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["test", str(home), "--run", "person", "--min-coverage"]
    assert (main([*arguments, "25%"]), main([*arguments, "26%"])) == (0, 1)
    assert capsys.readouterr().err == "25% of the signals fired, fewer than 26%\n"


def test_a_mistake_in_a_test_is_named_and_ends_with_2(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "tests" / "t.yaml").write_text(TESTS.replace("{rung: watch}", "{rung: wach}"))
    assert main(["test", str(home)]) == 2
    assert "t.yaml:13:21: error: cases.2.expect.0.rung: no rung 'wach' here" in capsys.readouterr().err


def test_other_policies_can_be_tested_with_the_same_tests(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "all.yaml").write_text("\n".join([COUNTING.replace("60", "1"), ECHO, PHRASES, WORDY, LADDER]))
    arguments = ["test", str(home / "tests"), "--run", "person", "--policies", str(other)]
    assert main(arguments) == 0


@pytest.mark.parametrize("words", [("--run", "("), ("--min-coverage", "90")])
def test_an_option_that_means_nothing_is_refused(words: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["test", *words])
    assert caught.value.code == 2


def test_the_help_shows_a_whole_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["test", "--help"])
    out = capsys.readouterr().out
    assert "reaches: {throttle: {within: 1h}}" in out
    assert "exit codes" in out


def test_a_tag_picks_the_cases(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tagged = TESTS.replace("left alone\n", "left alone\n    tags: [smoke]\n")
    (home / "tests" / "t.yaml").write_text(tagged)
    assert main(["test", str(home), "--tag", "smoke", "--quiet"]) == 0
    assert "1 passed, 0 failed\n" in capsys.readouterr().out

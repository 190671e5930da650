"""`gateway check`: what it says, in which form, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main as cli
from tests.authoring.test_lint import EXEMPTION, LADDER, OTHER, POLICY

ROOT = Path(__file__).parents[1]
PROMISES = """\
kind: tests
title: What honest traffic is promised
cases:
  - name: an evaluation and a load test
    tags: [probe, other, two]
    traffic: [{every: 1s, times: 5, label: benign}]
    expect: [{never: watch}]
"""


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory `policies` in the working directory, with nothing to remark on."""
    monkeypatch.chdir(tmp_path)
    path = Path("policies")
    path.mkdir()
    (path / "one.yaml").write_text(f"{POLICY}---\n{OTHER}")
    (path / "ladder.yaml").write_text(LADDER)
    (path / "tests").mkdir()
    (path / "tests" / "promises.yaml").write_text(PROMISES)
    return path


def test_the_shipped_pack_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["check", "--strict", str(ROOT / "policies")]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(" — 0 errors, 0 warnings")


def test_without_a_directory_the_one_here_is_checked(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["check"]) == 0
    assert capsys.readouterr().out == (
        "2 files: 2 policies (3 signals), 0 pattern sets (0 patterns), ladder 'default' (2 rungs)"
        " — 0 errors, 0 warnings\n"
    )


def test_every_mistake_of_every_file_is_told_with_the_right_word(
    pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pack / "one.yaml").write_text(POLICY.replace("points: 40", "pionts: 40") + "---\n" + OTHER)
    (pack / "two.yaml").write_text(
        OTHER.replace("request.echo", "request.ehco").replace("id: other", "id: two")
    )
    (pack / "three.yaml").write_text("kind: [\n")
    assert cli(["check"]) == 2
    lines = capsys.readouterr().out.splitlines()
    key, field = [line for line in lines if "unknown" in line]
    assert (
        key == "policies/one.yaml:12:5: error: signals.burst: unknown key 'pionts' (did you mean 'points'?)"
    )
    assert field.startswith(
        "policies/two.yaml:7:20: error: signals.echo.request: unknown field 'request.ehco'"
    )
    assert field.endswith("(did you mean 'request.echo'?)")
    assert any(line.startswith("policies/three.yaml:2:1: error: not YAML") for line in lines)
    assert lines[-1] == "policies: 4 files read — 4 errors, 0 warnings"


def test_lints_are_warnings_which_strict_makes_exit_code_3(
    pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pack / "ladder.yaml").write_text(LADDER.replace("policies: 2", "policies: 1"))
    assert cli(["check"]) == 0
    assert cli(["check", "--strict"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("policies/ladder.yaml:8:3: warning: rungs.refuse: 'reject' without requires")
    assert lines[1].endswith("0 errors, 1 warning")


def test_lints_are_told_beside_errors(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pack / "bad.yaml").write_text(OTHER.replace("kind: policy", "kind: polcy"))
    (pack / "one.yaml").write_text(POLICY.replace("false_positives: [Evaluation]\n", ""))
    assert cli(["check"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "error",
        "warning",
        "3 files read — 1 error, 1 warning",
    ]


def test_honest_traffic_without_a_promise_is_told(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pack / "tests" / "promises.yaml").write_text(PROMISES.replace("probe, ", ""))
    assert cli(["check", "--strict"]) == 3
    assert capsys.readouterr().out.splitlines()[0] == (
        "policies/one.yaml:6:1: warning: false_positives: 1 entry, but 0 test cases with 'never' for honest "
        "traffic: write one for each"
    )


def test_the_day_decides_whether_an_exemption_still_holds(
    pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pack / "exemption.yaml").write_text(EXEMPTION)
    for today, code, word in (
        ("2027-02-01", 0, ""),
        ("2027-02-20", 3, "expires in 9 days"),
        ("2027-03-01", 2, "has expired"),
    ):
        assert cli(["check", "--strict", "--today", today]) == code
        assert word in capsys.readouterr().out


def test_without_a_day_the_clock_is_asked(
    pack: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (pack / "exemption.yaml").write_text(EXEMPTION)
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert cli(["check"]) == 2
    assert "has expired" in capsys.readouterr().out


def test_a_day_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli(["check", "--today", "2027-02-30"])
    assert stop.value.code == 2
    assert "write a day that exists: 2027-02-28" in capsys.readouterr().err


def test_each_directory_is_a_bundle_by_itself(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["check", "-o", "json", "policies", "nowhere"]) == 2
    good, bad = json.loads(capsys.readouterr().out)["bundles"]
    assert (good["origin"], good["errors"]) == ("policies", 0)
    (finding,) = bad["findings"]
    assert (finding["file"], finding["message"]) == ("nowhere", "no such file or directory")


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("github", "::error file=policies/one.yaml,line=1,col=1::"),
        ("junit", "<?xml"),
        ("text", "policies/one"),
    ],
)
def test_the_other_forms_say_the_same(
    form: str, begins: str, pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pack / "one.yaml").write_text(POLICY.replace("title: Probe\n", ""))
    assert cli(["check", "-o", form]) == 2
    out = capsys.readouterr().out
    assert out.startswith(begins)
    assert "missing key 'title'" in out


def test_help_teaches_by_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("check", "schema", "fields"):
        with pytest.raises(SystemExit) as stop:
            cli([verb, "--help"])
        assert stop.value.code == 0
        assert f"\n  gateway {verb}" in capsys.readouterr().out


def test_a_smoke_test_that_fails_is_a_mistake_with_its_place(
    pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pack / "tests").mkdir(exist_ok=True)
    text = (
        "kind: tests\ntitle: T\ntags: [smoke]\ncases:\n"
        "  - name: nobody is let alone\n    traffic: [{every: 1m, times: 3}]\n    expect: [{rung: %s}]\n"
    )
    (pack / "tests" / "t.yaml").write_text(text % "none")
    assert cli(["check"]) == 0
    (pack / "tests" / "t.yaml").write_text(text % "watch")
    capsys.readouterr()
    assert cli(["check"]) == 2
    first, last = capsys.readouterr().out.splitlines()
    assert first == (
        "policies/tests/t.yaml:7:14: error: smoke test 'nobody is let alone': "
        "rung is none, not watch (score 0.0)"
    )
    assert last.endswith(" — 1 error, 0 warnings")

"""`gateway diff`, `tune` and `report` as an analyst calls them: output, files, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main as cli
from gateway.policies.load import load_bundle
from tests.support import LADDER, chat, policy

RULES = "signals: {many: {count: {of: requests, over: 1h}, ramp: [0, 10], points: 47}}"


def _policies(home: Path, *changes: tuple[str, str]) -> Path:
    home.mkdir()
    said = policy(RULES, mode="shadow") + LADDER
    for old, new in changes:
        said = said.replace(old, new, 1)
    (home / "all.yaml").write_text(f"# what people wrote stays\n{said}")
    return home


def _traffic(path: Path, benign: int = 4) -> Path:
    lines = []
    for begins in (0, 50_000):
        for who, count in [("bad", 20), ("worse", 20), *((f"good{at}", 1) for at in range(benign))]:
            truth = "benign:chat" if who.startswith("good") else "attack:sweep"
            lines += [
                {"ts": begins + at, "principal": f"{who}-{begins}", "truth": truth, "request": chat()}
                for at in range(count)
            ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = cli([*map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def _wrong(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """What is said of words that are refused."""
    with pytest.raises(SystemExit) as caught:
        cli([*map(str, words)])
    assert caught.value.code == 2
    return capsys.readouterr().err


# --- diff --------------------------------------------------------------------------------------------


def test_two_directories_differ_in_words_and_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = _policies(tmp_path / "a"), _policies(tmp_path / "b", ("points: 47", "points: 60"))
    code, said, _ = _run(capsys, "diff", before, after)
    assert code == 0
    assert "stricter: 1   looser: 0   neutral: 0   counters kept: all" in said
    code, said, _ = _run(capsys, "diff", before, before, "-o", "json")
    assert json.loads(said)["static"]["changes"] == []


def test_traffic_shows_who_moves_and_gates_decide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = _policies(tmp_path / "a"), _policies(tmp_path / "b", ("points: 47", "points: 60"))
    words = ("diff", before, after, "--trace", _traffic(tmp_path / "t.jsonl"), "--quiet")
    code, said, _ = _run(capsys, *words, "-o", "json", "--gate", "caught_new == 4", "benign_worse <= 0")
    found: dict[str, Any] = json.loads(said)
    assert code == 0
    assert found["track"] == "shadow"
    assert found["requests"] == 88
    (cell,) = found["confusion"]["moved"]
    assert (cell["before"], cell["after"], len(cell["principals"])) == ("narrow", "throttle", 4)
    code, said, _ = _run(capsys, *words, "-o", "markdown", "--gate", "worse <= 3")
    assert code == 1
    assert said.startswith("## Policies compared")
    assert "FAILED" in said
    code, said, _ = _run(capsys, *words, "--track", "enforced", "-o", "json")
    assert json.loads(said)["confusion"]["moved"] == []


def test_gates_without_traffic_or_with_wrong_names_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, traffic = _policies(tmp_path / "a"), _traffic(tmp_path / "t.jsonl")
    code, _, said = _run(capsys, "diff", before, before, "--gate", "worse <= 0")
    assert (code, "--trace FILE" in said) == (2, True)
    code, _, said = _run(capsys, "diff", before, before, "--trace", traffic, "--gate", "wurse <= 0")
    assert (code, "did you mean 'worse'" in said) == (2, True)


# --- tune --------------------------------------------------------------------------------------------


def _tune(policies: Path, traffic: Path, *more: str) -> tuple[str | Path, ...]:
    spans = ("--fit", "0h..6h", "--check", "6h..24h", "--rung", "throttle", "--quiet")
    return ("tune", traffic, "--policies", policies, *spans, *more)


def test_a_tuner_says_what_cannot_be_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = _tune(_policies(tmp_path / "a"), _traffic(tmp_path / "t.jsonl"))
    code, said, _ = _run(capsys, *words)
    assert code == 0
    assert "You cannot know that yet" in said
    assert "with zero hits you need 299 (have 4)" in said
    code, said, _ = _run(capsys, *words, "-o", "json", "--max-benign", "60%")
    found = json.loads(said)
    assert (found["known"], found["suggested"], found["now"]) == (True, 45, 50)
    assert found["check"]["unseen_caught"]["of"] == 2
    code, said, _ = _run(capsys, *words, "-o", "markdown")
    assert "## Tuning" in said


def test_nothing_is_written_unless_it_is_known_and_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies, traffic = _policies(tmp_path / "a"), _traffic(tmp_path / "t.jsonl")
    before = (policies / "all.yaml").read_text()
    assert _run(capsys, *_tune(policies, traffic, "--max-benign", "60%"))[0] == 0
    code, _, said = _run(capsys, *_tune(policies, traffic, "--write"))
    assert (code, "not known" in said) == (1, True)
    assert (policies / "all.yaml").read_text() == before
    code, _, said = _run(capsys, *_tune(policies, traffic, "--write", "--max-benign", "60%"))
    assert code == 0
    assert "at 50 → 45" in said
    assert (policies / "all.yaml").read_text() == before.replace("at: 50,", "at: 45,")
    assert load_bundle(policies).ladder.rungs[2].at == 45
    code, _, said = _run(capsys, *_tune(policies, traffic, "--write", "--max-benign", "60%"))
    assert (code, "stays" in said) == (0, True)


def test_labels_from_a_file_win_over_those_of_the_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("principal,label\nbad-0,benign\n")
    words = _tune(_policies(tmp_path / "a"), _traffic(tmp_path / "t.jsonl"), "-o", "json")
    _, said, _ = _run(capsys, *words, "--labels", labels)
    row = json.loads(said)["rows"][0]
    assert (row["benign"]["hits"], row["benign"]["of"], row["caught"]["of"]) == (1, 5, 1)


def test_spans_rungs_and_shares_that_make_no_sense_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies, traffic = _policies(tmp_path / "a"), _traffic(tmp_path / "t.jsonl")
    assert "write 0h..12h" in _wrong(
        capsys, "tune", traffic, "--rung", "x", "--fit", "6h..1h", "--check", "0h..1h"
    )
    assert "write 0h..12h" in _wrong(
        capsys, "tune", traffic, "--rung", "x", "--fit", "soon", "--check", "0h..1h"
    )
    assert "write 1%" in _wrong(capsys, *_tune(policies, traffic, "--max-benign", "lots"))
    assert "write 1%" in _wrong(capsys, *_tune(policies, traffic, "--max-benign", "100%"))
    code, _, said = _run(capsys, *_tune(policies, traffic, "--rung", "throtle"))
    assert (code, "did you mean 'throttle'" in said) == (2, True)
    code, _, said = _run(capsys, *_tune(policies, traffic, "--check", "5h..9h"))
    assert (code, "overlaps --fit" in said) == (2, True)


# --- report ------------------------------------------------------------------------------------------


def _records(home: Path, policies: Path, capsys: pytest.CaptureFixture[str], *more: str | Path) -> Path:
    path, traffic = home / "records.jsonl", _traffic(home / "t.jsonl")
    words = ("replay", traffic, "--policies", policies, "--records", path, "--quiet", "-o", "json", *more)
    assert _run(capsys, *words)[0] == 0
    return path


def test_records_become_a_report_in_every_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policies = _policies(tmp_path / "a")
    records, labels = _records(tmp_path, policies, capsys), tmp_path / "labels.csv"
    labels.write_text("principal,label\nbad-0,attack\ngood1-0,benign\n")
    words = ("report", records, "--policies", policies, "--labels", labels, "--quiet")
    code, said, _ = _run(capsys, *words)
    assert (code, "88 requests" in said, "1 benign, 1 extraction, 10 unlabelled" in said) == (0, True, True)
    page, before = tmp_path / "report.html", tmp_path / "before.json"
    code, said, _ = _run(capsys, *words, "-o", "json", "--html", page, "--assume-benign")
    assert json.loads(said)["period"]["principals"] == {"benign": 11, "extraction": 1, "unlabelled": 0}
    assert "<svg" in page.read_text()
    before.write_text(said)
    code, said, _ = _run(capsys, *words, "-o", "markdown", "--previous", before)
    assert "Since the previous period" in said


def test_a_replay_writes_the_same_page_with_the_labels_of_its_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "replay.html"
    _records(tmp_path, _policies(tmp_path / "a"), capsys, "--html", page)
    assert "12 principals (8 benign, 4 extraction)" in page.read_text()


def test_what_cannot_be_read_or_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policies = _policies(tmp_path / "a")
    records = _records(tmp_path, policies, capsys)
    for words, said in (
        ((tmp_path / "none.jsonl",), "no such file"),
        ((records, "--html", tmp_path), "cannot be written"),
        ((records, "--previous", records), "not a report"),
        ((records, "--labels", tmp_path / "none.csv"), "cannot be read"),
    ):
        code, _, error = _run(capsys, "report", *words, "--policies", policies, "--quiet")
        assert (code, said in error) == (2, True), error


@pytest.mark.parametrize("verb", ["diff", "tune", "report", "replay"])
def test_help_teaches_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli([verb, "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert f"gateway {verb} " in said.partition("example")[2]
    assert "\n    " not in said.partition("\n\n")[2].partition("\n\n")[0]

"""`gateway tune --learn` as an analyst calls it: what is said, what is written, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main as cli
from gateway.commands.learn import edits
from gateway.evaluation.learning import Lesson
from gateway.policies.load import load_bundle
from tests.support import LADDER, chat, policy

RULES = """
signals:
  many:
    count: {of: requests, over: 1h}
    ramp: [3, 6]                    # people send a few
    points: 47
  per-day: {count: {of: requests, over: 24h}, ramp: [100, 200], points: 10}
"""
DAY = 86_400


def _policies(home: Path) -> Path:
    home.mkdir()
    (home / "all.yaml").write_text(f"# what people wrote stays\n{policy(RULES, mode='shadow')}{LADDER}")
    return home


def _traffic(path: Path, busy: int = 4) -> Path:
    """Two days: thirty people with two calls each, one that is busy, and one that harvests."""
    lines = []
    for begins in (0, DAY):
        crowd = [(f"good{at}", 2) for at in range(30)]
        for who, count in [*crowd, (f"busy-{begins}", busy), ("bad", 40)]:
            truth = "attack:sweep" if who == "bad" else "benign:chat"
            lines += [
                {"ts": begins + at, "principal": who, "truth": truth, "request": chat(f"{who} asks {at}")}
                for at in range(count)
            ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _learn(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    spans = ("--fit", "0h..24h", "--check", "24h..48h", "--quiet", "--max-benign", "20%")
    code = cli(["tune", *map(str, (*words, *spans))])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_ramps_are_learned_and_explained_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies, traffic = _policies(tmp_path / "p"), _traffic(tmp_path / "t.jsonl")
    before = (policies / "all.yaml").read_text()
    words = (traffic, "--policies", policies, "--learn")
    code, said, _ = _learn(capsys, *words)
    assert code == 0
    assert "31 benign principals or organisations in the fit" in said
    assert "probe.many ramp: [3, 6] → [2, 6] (stricter): moved to where the benign end;" in said
    assert "1 of 31 benign beyond harmless (≤ 14%)" in said.replace("\n", " ")
    code, said, _ = _learn(capsys, *words, "-o", "json")
    found = json.loads(said)
    assert [(one["name"], one["new"]) for one in found["lessons"]] == [
        ("probe.many", [2, 6]),
        ("probe.per-day", [2, 200]),
    ]
    narrow = found["touched"][0]
    assert (narrow["fit_before"]["hits"], narrow["check"]["hits"], narrow["unseen"]["of"]) == (0, 0, 1)
    assert found["known"]
    code, said, _ = _learn(capsys, *words, "-o", "markdown")
    assert said.startswith("## Calibration")
    assert (policies / "all.yaml").read_text() == before


def test_what_is_learned_is_written_with_a_note_and_comments_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies, traffic = _policies(tmp_path / "p"), _traffic(tmp_path / "t.jsonl", busy=12)
    before = (policies / "all.yaml").read_text()
    words = (traffic, "--policies", policies, "--max-benign", "1%", "--write", "--note", "first week")
    code, _, said = _learn(capsys, *words, "--learn", "probe.many")
    assert code == 0
    assert said.endswith("probe.many ramp: [3, 6] → [2, 14.5]\n2 values written, notes in 1 policies\n")
    after = (policies / "all.yaml").read_text()
    note = 'calibrated: "first week: 31 benign principals in 24h, bound 20%"\nsignals:'
    assert after == before.replace("ramp: [3, 6]  ", "ramp: [2, 14.5]  ").replace("signals:", note, 1)
    (made,) = load_bundle(policies).policies
    assert [signal.ramp for signal in made.signals] == [(2, 14.5), (100, 200)]


def test_labels_count_by_their_kind_and_the_same_traffic_gives_the_same_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies, traffic = _policies(tmp_path / "p"), _traffic(tmp_path / "t.jsonl")
    words = (traffic, "--policies", policies, "--learn", "-o", "json")
    first = _learn(capsys, *words)
    said = traffic.read_text()
    renamed = said.replace("benign:chat", "benign", 40).replace("attack:sweep", "extraction:other", 7)
    assert renamed != said
    traffic.write_text(renamed)
    assert _learn(capsys, *words) == first


def test_decision_records_teach_as_traffic_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policies, traffic = _policies(tmp_path / "p"), _traffic(tmp_path / "t.jsonl")
    records, labels = tmp_path / "records.jsonl", tmp_path / "labels.csv"
    assert (
        cli(["replay", str(traffic), "--policies", str(policies), "--records", str(records), "--quiet"]) == 0
    )
    labels.write_text("principal,label\nbad,attack\n")
    capsys.readouterr()
    words = ("--policies", policies, "--assume-benign", "--learn", "-o", "json")
    lessons = [
        json.loads(_learn(capsys, *files, *words)[1])["lessons"]
        for files in ((traffic,), (records, "--labels", labels))
    ]
    assert lessons[0] == lessons[1]
    assert [one["new"] for one in lessons[1]] == [[2, 6], [2, 200]]


def test_every_kind_of_number_has_its_place_in_the_files() -> None:
    points = Lesson("probe.many", "points", (47.0,), (9.0,), "looser", 1, 1.0, "")
    cap = Lesson("probe", "cap", (100.0,), (45.0,), "looser", 1, 1.0, "")
    ramp = Lesson("probe.many", "ramp", (3.0, 6.0), (3.0, 6.5), "looser", 1, 1.0, "")
    assert [(edit.path, edit.value) for edit in edits([points, cap, ramp])] == [
        (("signals", "many", "points"), "9"),
        (("cap",), "45"),
        (("signals", "many", "ramp", 1), "6.5"),
    ]


def test_without_benign_principals_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies, traffic = _policies(tmp_path / "p"), _traffic(tmp_path / "t.jsonl")
    traffic.write_text(traffic.read_text().replace('"truth": "benign:chat", ', ""))
    words = (traffic, "--policies", policies, "--learn", "--write")
    code, said, error = _learn(capsys, *words)
    assert (code, "no principal is known to be benign" in error) == (1, True)
    assert "give labels, or --assume-benign" in said
    labels = tmp_path / "labels.csv"
    labels.write_text("principal,label\n" + "".join(f"good{at},benign\n" for at in range(30)))
    assert "30 benign principals" in _learn(capsys, *words[:-1], "--labels", labels)[1]
    assert "31 benign principals" in _learn(capsys, *words[:-1], "--assume-benign")[1]


def test_stricter_numbers_that_the_check_contradicts_are_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies, traffic = _policies(tmp_path / "p"), _traffic(tmp_path / "t.jsonl")
    late = [
        {"ts": DAY + at, "principal": f"late{who}", "truth": "benign:chat", "request": chat(f"{at}")}
        for who in range(30)
        for at in range(9)
    ]
    with traffic.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in late)
    words = (traffic, "--policies", policies, "--learn", "--write")
    code, said, error = _learn(capsys, *words)
    assert (code, "the check contradicts stricter numbers" in error) == (1, True)
    assert "the check contradicts it: 30 of 61 benign reach narrow" in said
    code, _, error = _learn(capsys, *words, "--looser-only")
    assert (code, error) == (0, "0 values written, notes in 1 policies\n")


def test_names_notes_and_parts_that_make_no_sense_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies, traffic = _policies(tmp_path / "p"), _traffic(tmp_path / "t.jsonl")
    words = (traffic, "--policies", policies, "--learn")
    code, _, said = _learn(capsys, *words, "probe.mny")
    assert (code, "did you mean 'probe.many'" in said) == (2, True)
    for note in ('say "hi"', "", "a\nb"):
        with pytest.raises(SystemExit):
            _learn(capsys, *words, "--note", note)
        assert "without quotes and backslashes" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        _learn(capsys, *words, "--rung", "throttle")
    assert "not allowed with argument" in capsys.readouterr().err

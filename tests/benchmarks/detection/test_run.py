"""The whole benchmark over a small deployment, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.detection.__main__ import main
from benchmarks.detection.bar import read_campaigns, read_goals
from benchmarks.detection.outcome import linking
from tests.benchmarks.detection.support import account, line, role, write


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = write(tmp_path_factory.mktemp("small"))
    told = ["--policies", str(home / "policies"), "--out", str(home / "out")]
    assert main([str(home), *told, "--parts", "mixed", "--tune"]) == 0
    return home


@pytest.fixture(scope="module")
def document(ran: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ran / "out" / "detection.json").read_text())
    return found


def of(document: dict[str, Any], setting: str, scenario: str, step: str = "throttle") -> dict[str, Any]:
    (made,) = (row for row in document["gateway"] if row["name"] == setting)
    (found,) = (row for row in made["caught"][step] if row["scenario"] == scenario)
    assert isinstance(found, dict)
    return found


def test_the_document_says_what_was_judged(document: dict[str, Any]) -> None:
    assert (document["requests"], document["honest"], document["attacking"]) == (80, 5, 5)
    assert document["tune"] == [["0 values written, notes in 2 policies"]] * 2


def test_what_ships_in_shadow_counts_only_when_armed(document: dict[str, Any]) -> None:
    assert of(document, "shipped", "self_instruct")["campaigns"]["hits"] == 0
    assert of(document, "armed", "self_instruct")["campaigns"]["hits"] == 1
    assert of(document, "shipped", "logprob_harvest")["campaigns"]["hits"] == 1
    assert of(document, "armed", "hydra wrapped")["campaigns"] | {"low": 0} == {
        "hits": 0, "of": 1, "low": 0, "high": 0.975, "upper": 0.95,
    } | {"high": pytest.approx(0.975), "upper": pytest.approx(0.95)}  # fmt: skip


def test_no_honest_principal_is_hit_after_calibration(document: dict[str, Any]) -> None:
    for made in document["gateway"]:
        assert made["spared"]["throttle"][-1]["principals"]["hits"] == 0


def test_a_throttled_campaign_goes_on_to_get_what_the_limit_lets_pass(document: dict[str, Any]) -> None:
    (armed,) = (row for row in document["gateway"] if row["name"] == "armed")
    assert 0 < armed["passed"]["logprob_harvest"] < 1
    assert armed["passed"]["hydra wrapped"] == 1


def test_mixed_keys_are_judged_without_any_baseline(document: dict[str, Any]) -> None:
    assert {row["share"] for row in document["mixed"]} == {1.0, 0.5, 0.25, 0.1, 0.05, 0.0}
    assert "contests" not in document


def test_policies_that_were_tuned_are_judged_half_by_half(ran: Path) -> None:
    told = ["--policies", str(ran / "policies"), "--out", str(ran / "tuned"), "--parts", "gateway"]
    # Stands for a verb that writes policies; what it writes leaves the scores as they are.
    assert main([str(ran), *told, "--tune", "schema --write {policies}/more.json"]) == 0
    document = json.loads((ran / "tuned" / "detection.json").read_text())
    assert [row["name"] for row in document["gateway"]] == ["shipped", "armed", "calibrated", "tuned"]
    for scenario in ("logprob_harvest", "self_instruct", "hydra wrapped"):
        tuned, armed = (of(document, name, scenario)["principals"] for name in ("tuned", "armed"))
        assert tuned == armed


def test_an_honest_week_of_its_own_sets_the_threshold(ran: Path) -> None:
    week = ran / "week"
    week.mkdir(exist_ok=True)
    honest = [line("loud", "benign:job", 60.0 * at, f"write {at} tasks") for at in range(8)]
    (week / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in honest))
    told = ["--policies", str(ran / "policies"), "--out", str(ran / "weekly"), "--calibrate", str(week)]
    assert main([str(ran), *told, "--parts", "gateway"]) == 0
    document = json.loads((ran / "weekly" / "detection.json").read_text())
    # Somebody honest asks for tasks here, so that asking for tasks cannot be held against anybody.
    assert of(document, "calibrated", "self_instruct")["campaigns"]["hits"] == 0
    assert of(document, "armed", "self_instruct")["campaigns"]["hits"] == 1


def test_the_tables_are_printed(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["--policies", str(ran / "policies"), "--out", str(ran / "again"), "--scenarios", "self_instruct"]
    assert main([str(ran), *told, "--parts", "gateway"]) == 0
    said = capsys.readouterr().out
    for words in ("shipped: policies in their own modes", "armed: honest principals", "the bar, calibrated"):
        assert words in said


def test_bad_input_is_an_error_and_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "no such file or directory" in capsys.readouterr().err
    assert main([str(tmp_path), "--parts", "mixd"]) == 2
    assert "no part 'mixd'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--share", "2"])
    assert "'2' is no part" in capsys.readouterr().err


def test_the_bar_counts_who_was_met_in_time() -> None:
    members = {f"k{at}": account(role(f"k{at}", "self_instruct"), 60) for at in range(4)}
    alarms = {"k0": 10, "k1": 49, "k2": 50, "k3": None}
    rows = read_goals(members, {"throttle": alarms, "narrow": {}})
    found = {row.asked: row for row in rows if row.what == "self_instruct"}
    goal = found["≥ 85% at throttle within 50"]
    assert goal.seen is not None
    assert (goal.seen.hits, goal.met) == (2, False)
    assert {row.met for row in rows if row.what == "agent_trajectory"} == {None}


def test_the_bar_reads_a_hydra_by_the_answers_it_obtained() -> None:
    members = {f"k{at}": account(role(f"k{at}", "hydra wrapped", "h1"), 15) for at in range(200)}
    for own in members.values():
        own.linked = 9
    rows = read_campaigns(members, {"throttle": dict.fromkeys(members, 9)}, linking(members, (15,)))
    assert [(row.value, row.met) for row in rows if row.what.startswith("answers")] == [(1800, True)]
    assert [row.met for row in rows if row.what == "wrapped hydra members"] == [True]

"""Figures in the documentation are those of a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.detection import attacker, mixed, summary
from benchmarks.detection.__main__ import main
from tests.benchmarks.detection.support import write

ROOT = Path(__file__).parents[3]


def test_the_figures_of_a_run_stand_between_the_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixed, "REQUESTS", 8)
    monkeypatch.setattr(attacker, "HORIZON", 0.0)
    home = write(tmp_path)
    told = ["--policies", str(home / "policies"), "--out", str(home / "out"), "--parts", "mixed,attacker"]
    assert main([str(home), *told]) == 0
    page = tmp_path / "page.md"
    page.write_text(f"before\n{summary.BEGIN}\nold\n{summary.END}\nafter\n")
    summary.main(str(home / "out" / "detection.json"), str(page))
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "80 requests of 5 honest and 5 attacking principals" in text
    assert "| logprob_harvest | 1/1 (3-100%) | 1/1 (3-100%) | 1/1 (3-100%) |" in text
    assert "| armed | 0/5 ≤ 45.1% |" in text
    assert "**the cheapest**" in text
    assert "linked into campaigns" not in text


def test_what_a_report_has_more_is_told_too() -> None:
    share = {"hits": 3, "of": 4, "low": 0.2, "high": 0.9, "upper": 0.8}
    link = {"requests": 15, "wrapped": share, "bare": share, "innocents": share}
    row = {
        "name": "rival", "honest": share, "recall": 0.75, "precision": [{"prevalence": 1e-3, "bound": 0.5}],
        "caught": [{"scenario": "sweep", "principals": share}],
    }  # fmt: skip
    spared = {"kind": "chat", "principals": share, "touched": 1, "requests": 9}
    caught = {"scenario": "sweep", "principals": share, "requests": 2, "answers": 3, "given": 0.5}
    steps = ("watch", "narrow", "throttle")
    setting = {
        "caught": {step: [caught] for step in steps},
        "spared": {step: [spared, spared] for step in steps},
        "passed": {"sweep": 0.5},
    }
    document = {
        "traffic": "t", "requests": 1, "honest": 4, "attacking": 4, "bundle": "b", "seconds": 60,
        "gateway": [setting | {"name": name} for name in ("shipped", "armed", "calibrated")],
        "linking": [link], "bar": {"armed": [{"met": True}, {"met": None}]},
        "contests": [{"title": "at one cost", "rows": [row]}],
    }  # fmt: skip
    text = summary.summary(json.loads(json.dumps(document)))
    assert "| 15 | 3/4 (20-90%) | 3/4 (20-90%) | 3/4 (20-90%) |" in text
    assert "| right at 1 in 1,000, at least | 50.0% |" in text
    assert "armed: 1 of 1" in text
    assert "chat 3/4" in text


def test_a_tactic_that_obtains_nothing_has_no_price() -> None:
    row = {"tactic": "t", "pace": 10.0, "prices": [{"target": 1, "multiple": None}]}
    assert "| t | none obtained |" in summary._attacker([row])


def test_a_page_without_marks_is_not_touched() -> None:
    with pytest.raises(ValueError, match="no <!-- figures -->"):
        summary.replaced("nothing here", "figures")


def test_the_documentation_has_its_marks() -> None:
    page = (ROOT / "docs" / "detection.md").read_text("utf-8")
    assert summary.replaced(page, "x").count(summary.BEGIN) == 1

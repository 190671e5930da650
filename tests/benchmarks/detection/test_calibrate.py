"""Thresholds come from honest traffic that is not reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.detection import calibrate
from benchmarks.detection.accounts import Account
from benchmarks.detection.corpus import locate, read_corpus
from tests.benchmarks.detection.support import account, role, write


def people(count: int) -> dict[str, Account]:
    return {f"p{at}": account(role(f"p{at}", "chat", benign=True), 1) for at in range(count)}


def test_each_half_is_judged_by_what_the_other_half_allows() -> None:
    accounts = people(40)
    scores = {name: [10.0 if own.role.fold else 1.0] for name, own in accounts.items()}
    bars = calibrate.cross_fitted(accounts, scores)
    assert bars == pytest.approx((10.0, 1.0))
    met = {name for name, at in calibrate.cut(accounts, scores, bars).items() if at is not None}
    assert met == {name for name, own in accounts.items() if own.role.fold}


def test_a_week_of_its_own_decides_alone() -> None:
    accounts = people(4)
    bars = calibrate.cross_fitted(accounts, {}, {f"w{at}": [float(at)] for at in range(200)})
    assert bars == pytest.approx((197.0, 197.0))


def test_attackers_take_no_part_in_calibration() -> None:
    accounts = people(20) | {"a": account(role("a", "sweep"), 1)}
    scores = {name: [0.0] for name in accounts} | {"a": [99.0]}
    assert max(calibrate.cross_fitted(accounts, scores)) < 1


def test_gateway_tune_is_asked_on_honest_traffic_and_its_words_are_kept(tmp_path: Path) -> None:
    home = write(tmp_path)
    corpus = read_corpus(locate(home))
    made = calibrate.tuned(corpus, 0, home / "policies", tmp_path, ["throttle"])
    assert made.said == ("0 values written, notes in 2 policies",)
    written, before = ((place / "all.yaml").read_text() for place in (made.policies, home / "policies"))
    assert [line for line in written.splitlines() if "calibrated:" not in line] == before.splitlines()


def test_a_command_that_writes_is_seen_to_have_written(tmp_path: Path) -> None:
    home = write(tmp_path)
    corpus = read_corpus(locate(home))
    asked = "schema --write {policies}/more.json"
    made = calibrate.tuned(corpus, 1, home / "policies", tmp_path, ["watch", "throttle"], asked)
    assert made.changed
    assert (made.policies / "more.json").exists()

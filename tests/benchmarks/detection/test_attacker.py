"""The attacker who knows the policies, and what it pays."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.detection import attacker, wording
from benchmarks.detection.accounts import steps
from benchmarks.detection.attacker import Material, Tactic
from benchmarks.detection.corpus import locate, read_corpus
from gateway.readers.base import Line
from tests.benchmarks.detection.support import START, line, write
from tests.support import bundle, policy

TASKS = [f"Describe thing number {at} in detail" for at in range(400)]
LIMITING = """
---
kind: ladder
id: default
version: 1
title: Rungs
rungs:
  watch: {at: 20, do: [{log: true}]}
  throttle: {at: 50, do: [{limit: {requests: 1/1h, burst: 1}}]}
"""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attacker, "LEAST", 12)
    monkeypatch.setattr(attacker, "HORIZON", 3600.0)


def material() -> Material:
    body = msgspec.Raw(json.dumps(line("p", None, 0.0, "so how was it?")["request"]).encode())
    return Material(TASKS, (), [Line(START, "p", body)], [1.0, 3.0])


def told(row: Line) -> str:
    return str(msgspec.json.decode(row.request)["messages"][0]["content"])


def test_what_the_attacker_has_comes_from_the_traffic(tmp_path: Path) -> None:
    own = attacker.material(read_corpus(locate(write(tmp_path))))
    assert set(own.tasks) == {f"question {key} {at}" for key in range(3) for at in (1, 3, 5, 7)} | {
        f"write {at} tasks" for at in range(8)
    }
    assert own.filler == []
    assert own.gaps == [60.0] * 7


@pytest.mark.parametrize("tactic", attacker.TACTICS, ids=lambda tactic: tactic.name)
def test_nobody_pays_twice_for_an_answer_and_the_pace_is_kept(tactic: Tactic) -> None:
    own = replace(material(), rewritten=TASKS[:100])
    lines = list(attacker.traffic(tactic, 1000.0, own))
    assert lines == list(attacker.traffic(tactic, 1000.0, own))
    assert len({row.principal for row in lines}) == min(tactic.accounts, len(lines))
    wanted = [told(row) for row in lines if row.truth == "attack:adaptive"]
    assert len(wanted) == len(set(wanted)) > 0
    assert [row.ts for row in lines] == sorted(row.ts for row in lines)
    if tactic.accounts == 1:
        mean = (lines[-1].ts - lines[0].ts) / (len(lines) - 1)
        assert mean == pytest.approx(86.4, rel=0.05)


def test_filler_and_repeats_are_no_answers() -> None:
    half = Tactic("half", filler=0.5)
    again = Tactic("again", repeats=0.5)
    for tactic in (half, again):
        lines = list(attacker.traffic(tactic, 1000.0, material()))
        idle = sum(row.truth == "attack:adaptive-filler" for row in lines)
        assert 0.2 < idle / len(lines) < 0.8


def test_random_parameters_differ_and_fixed_ones_do_not() -> None:
    def shapes(tactic: Tactic) -> set[str]:
        bodies = [msgspec.json.decode(row.request) for row in attacker.traffic(tactic, 1000.0, material())]
        return {
            json.dumps({name: own for name, own in body.items() if name != "messages"}) for body in bodies
        }

    assert len(shapes(Tactic("fixed"))) == 1
    assert len(shapes(Tactic("random", parameters="random"))) > 5


def test_a_policy_that_throttles_at_once_burns_accounts_and_raises_the_price(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attacker, "HORIZON", 3 * 3600.0)
    strict = bundle(
        policy("signals: {all: {request: {request.model: {exists: true}}, points: 60}}"), ladder=LIMITING
    )
    lax = bundle(policy("signals: {none: {request: {request.model: [x]}, points: 60}}"), ladder=LIMITING)
    tactic = Tactic("two", 2)
    found = attacker.attempt(strict, tactic, 1000.0, material(), steps(strict.ladder))
    free = attacker.attempt(lax, tactic, 1000.0, material(), steps(lax.ladder))
    assert (free.throttled, free.before, free.passed) == (0, 250, 250)
    assert [price.multiple for price in free.prices] == pytest.approx([1.0, 50 / 17, 1000 / 334])
    assert [price.leaving for price in free.prices] == [1.0, 50.0, 1000.0]
    assert [price.staying for price in free.prices] == [1.0, 50.0, 1000.0]
    assert found.throttled == 2
    assert (found.before, found.prices[0].leaving) == (0, None)
    assert 0 < found.passed < 250
    assert (found.prices[0].multiple or 0.0) > 1.0


def test_what_would_pass_in_the_end_is_not_told_of_accounts_that_were_watched_for_minutes() -> None:
    lax = bundle(policy("signals: {none: {request: {request.model: [x]}, points: 60}}"), ladder=LIMITING)
    found = attacker.attempt(lax, Tactic("brief"), 1000.0, material(), steps(lax.ladder))
    assert {price.staying for price in found.prices} == {None}
    assert found.passed == found.before > 0


def test_a_burner_costs_a_day_however_few_its_requests() -> None:
    lax = bundle(policy("signals: {none: {request: {request.model: [x]}, points: 60}}"), ladder=LIMITING)
    tactic = Tactic("burners", 20, burners=True)
    found = attacker.attempt(lax, tactic, 10_000.0, material(), steps(lax.ladder))
    first = found.prices[0]
    assert (found.before, found.throttled) == (200, 0)
    assert (first.leaving, first.staying, first.burnt) == (100, None, 100)


def test_the_attacker_chooses_the_cheapest_way() -> None:
    rows = [
        attacker.Attempt(name, 1.0, 1, 1, 0, 1, 1, (attacker.price(1000, leaving, staying, 0.0),))
        for name, leaving, staying in (("dear", 10.0, 0.0), ("cheap", 0.0, 500.0), ("never", 0.0, 0.0))
    ]
    found = attacker.cheapest(rows, 1000)
    assert found is not None
    assert (found[0].tactic, found[1].leaving, found[1].staying, found[1].multiple) == (
        "cheap",
        None,
        2.0,
        2.0,
    )
    assert attacker.cheapest(rows[2:], 1000) is None


@given(st.integers(1, 10**7), st.floats(0.1, 1e5), st.floats(0.1, 1e5))
def test_more_answers_never_cost_less(target: int, leaving: float, staying: float) -> None:
    less = attacker.price(target, leaving, staying, 0.01)
    more = attacker.price(target + 1000, leaving, staying, 0.01)
    assert (less.leaving or 0.0) <= (more.leaving or 0.0)
    assert less.burnt <= more.burnt
    assert (less.leaving or 0.0) >= 1


def test_the_grammar_keeps_the_task_and_hardly_repeats_a_frame() -> None:
    dice = random.Random(1)
    texts = [wording.worded("Name a colour.", "grammar", dice) for _ in range(200)]
    assert all("Name a colour." in text for text in texts)
    assert len(set(texts)) > 120
    assert wording.worded("Name a colour.", "bare", dice) == "Name a colour."


def test_rewritten_tasks_are_taken_from_their_file_and_a_dud_keeps_its_task(tmp_path: Path) -> None:
    file = tmp_path / "rewritten.json"
    file.write_text(json.dumps({"a": "A, please", "b": ""}))
    assert wording.by_model(["a", "b"], file, lambda done: None) == ["A, please", "b"]

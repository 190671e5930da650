"""The held-out traffic: its halves share nothing, its lines are traffic, and it is the same in every run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.detection.corpus import read_corpus
from benchmarks.detection.heldout import FRESH, HALVES, LATER, REQUESTS, SUITES, half_of, main, written
from tests.benchmarks.detection.test_slots import corpora

SLOTS = {"doc", "task", "a", "b", "topic", "seeds", "said", "problem", "n"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("data")
    (home / "prompts").mkdir()
    corpora(home / "prompts")
    assert main([str(home), str(home / "out")]) == 0
    return home / "out"


def test_every_slot_of_our_own_templates_can_be_filled() -> None:
    texts = [text for all_ in (written(), written(LATER)) for own in all_.values() for text in own.values()]
    assert texts
    assert {slot for text in texts for slot in re.findall(r"\{(\w+)\}", text)} <= SLOTS


def test_no_family_of_templates_is_in_both_halves(made: Path) -> None:
    families = []
    for half in HALVES:
        rows = (made / "traffic" / f"{half}.principals.jsonl").read_text("utf-8").splitlines()
        families.append({json.loads(row)["template"].split("/")[0] for row in rows if "written" in row})
    assert families[0]
    assert families[1]
    assert not families[0] & families[1]


def test_the_third_part_holds_the_later_templates_and_no_other(made: Path) -> None:
    rows = (made / "traffic" / f"{FRESH}.principals.jsonl").read_text("utf-8").splitlines()
    later = {name for own in written(LATER).values() for name in own}
    assert {json.loads(row)["template"].split("/")[1] for row in rows} == later
    assert not later & {name for own in written().values() for name in own}


def test_the_benchmark_reads_it_as_traffic_of_both_sides(made: Path) -> None:
    corpus = read_corpus(made / "traffic" / "look")
    assert {role.benign for role in corpus.roles.values()} == {True, False}
    sent = [line for line in corpus.lines() if corpus.roles[line.principal].scenario == "generation"]
    assert len(sent) % REQUESTS == 0
    assert sent == sorted(sent, key=lambda line: line.ts)


def test_a_family_is_in_the_same_half_in_every_run() -> None:
    assert {half_of(f"family {n}") for n in range(20)} == set(HALVES)
    assert half_of(SUITES) == half_of(SUITES)

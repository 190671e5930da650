"""The held-out traffic: its halves share nothing, its lines are traffic, and it is the same in every run."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from benchmarks.detection.corpus import read_corpus
from benchmarks.detection.heldout import HALVES, LATER, REQUESTS, SUITES, half_of, later_file, main, written
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
    files = [written(), *(written(later_file(part)) for part in LATER)]
    texts = [text for file in files for own in file.values() for text in own.values()]
    assert texts
    assert {slot for text in texts for slot in re.findall(r"\{(\w+)\}", text)} <= SLOTS


def test_braces_that_are_no_slots_are_sent_as_they_stand(made: Path) -> None:
    braced = 0
    for part in ("study", "exam"):
        text = gzip.decompress((made / "traffic" / part / "all.jsonl.gz").read_bytes()).decode()
        prompts = [json.loads(line)["request"]["messages"][0]["content"] for line in text.splitlines()]
        assert not any("{{" in prompt for prompt in prompts)
        braced += sum('{"' in prompt for prompt in prompts)
    assert braced


def test_no_family_of_templates_is_in_both_halves(made: Path) -> None:
    families = []
    for half in HALVES:
        rows = (made / "traffic" / f"{half}.principals.jsonl").read_text("utf-8").splitlines()
        families.append({json.loads(row)["template"].split("/")[0] for row in rows if "written" in row})
    assert families[0]
    assert families[1]
    assert not families[0] & families[1]


@pytest.mark.parametrize("part", LATER)
def test_a_later_part_holds_the_templates_of_its_file_and_no_other(made: Path, part: str) -> None:
    rows = (made / "traffic" / f"{part}.principals.jsonl").read_text("utf-8").splitlines()
    own = {name: text for group in written(later_file(part)).values() for name, text in group.items()}
    assert {json.loads(row)["template"].split("/")[1] for row in rows} == own.keys()
    assert not {*own.values()} & {text for group in written().values() for text in group.values()}


def test_the_benchmark_reads_it_as_traffic_of_both_sides(made: Path) -> None:
    corpus = read_corpus(made / "traffic" / "look")
    assert {role.benign for role in corpus.roles.values()} == {True, False}
    sent = [line for line in corpus.lines() if corpus.roles[line.principal].scenario == "generation"]
    assert len(sent) % REQUESTS == 0
    assert sent == sorted(sent, key=lambda line: line.ts)


def test_a_family_is_in_the_same_half_in_every_run() -> None:
    assert {half_of(f"family {n}") for n in range(20)} == set(HALVES)
    assert half_of(SUITES) == half_of(SUITES)

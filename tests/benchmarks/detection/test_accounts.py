"""What one principal's way through the gateway leaves behind."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks.detection.accounts import Account, Steps, drive, steps
from benchmarks.detection.corpus import locate, read_corpus
from gateway.adapters.replay import Nobody, Player
from gateway.gate import Gate
from gateway.model import Mode
from gateway.policies.load import load_bundle
from gateway.records import Record
from gateway.stores.memory import MemoryStore
from tests.benchmarks.detection.support import write
from tests.support import bundle


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Account]:
    home = write(tmp_path_factory.mktemp("small"))
    corpus = read_corpus(locate(home))
    return drive(load_bundle(home / "policies"), corpus.roles, corpus.lines())


def test_every_request_leaves_one_place_in_every_array(accounts: dict[str, Account]) -> None:
    assert len(accounts) == 10
    for own in accounts.values():
        lengths = {len(own), len(own.harvest), len(own.answers), len(own.tokens)}
        lengths |= {
            len(values) for pair in (own.scores, own.rungs, own.touched, own.refused) for values in pair
        }
        assert lengths == {8}


def test_an_enforced_policy_acts_in_both_postures_and_a_shadow_one_in_the_armed_alone(
    accounts: dict[str, Account],
) -> None:
    assert [max(own) for own in accounts["probe"].rungs] == [2, 2]
    assert [max(own) for own in accounts["wisher"].rungs] == [-1, 2]
    assert [max(own) for own in accounts["person-0"].rungs] == [-1, -1]


def test_what_is_refused_is_touched_and_an_honest_request_is_neither(accounts: dict[str, Account]) -> None:
    probe = accounts["probe"]
    assert sum(probe.refused[0]) > 0
    assert all(
        touched >= refused for touched, refused in zip(probe.touched[0], probe.refused[0], strict=True)
    )
    assert not any(accounts["job"].touched[1])


def test_several_answers_to_one_request_are_counted_and_their_tokens_guessed(
    accounts: dict[str, Account],
) -> None:
    assert list(accounts["wisher"].answers) == [2] * 8
    assert list(accounts["wisher"].tokens) == [200] * 8
    assert list(accounts["job"].tokens) == [100] * 8


def test_filler_is_not_counted_as_harvest(accounts: dict[str, Account]) -> None:
    assert list(accounts["head-0"].harvest) == [0, 1] * 4


class Linked(Record, frozen=True):
    """A record of a gateway that finds campaigns."""

    campaign: str | None = None


def test_the_first_request_in_a_campaign_and_the_last_campaign_are_kept(tmp_path: Path) -> None:
    home = write(tmp_path)
    corpus = read_corpus(locate(home), scenarios=["self_instruct"])
    player = Player(Gate(load_bundle(home / "policies"), Mode.ENFORCE, MemoryStore(100), Nobody()))
    own = Account(corpus.roles["wisher"])
    lines = [row for row in corpus.lines() if row.principal == "wisher"]
    for number, (row, campaign) in enumerate(zip(lines, [None, None, "c1", None, "c2"], strict=False), 1):
        record = player.play(row, number)
        values = msgspec.structs.asdict(record)
        own.add(row, Linked(**{**values, "campaign": campaign}), {"watch": 0, "narrow": 1, "throttle": 2})
    assert (own.linked, own.found) == (2, "c2")


def test_recorded_costs_come_before_guesses(tmp_path: Path) -> None:
    home = write(tmp_path)
    corpus = read_corpus(locate(home))
    row = msgspec.structs.replace(next(corpus.lines()), usage={"prompt_tokens": 3, "completion_tokens": 7})
    made = drive(load_bundle(home / "policies"), corpus.roles, [row])
    assert [list(own.tokens) for own in made.values()] == [[7]]


def test_what_a_reader_studies_is_every_call_of_the_cast(tmp_path: Path) -> None:
    home = write(tmp_path)
    corpus = read_corpus(locate(home), scenarios=["self_instruct"])
    seen: list[str] = []
    drive(load_bundle(home / "policies"), corpus.roles, corpus.lines(), study=lambda who, _: seen.append(who))
    assert len(seen) == 8 * 6
    assert set(seen) == set(corpus.roles)


def test_the_steps_are_told_by_what_a_rung_does_and_not_by_its_name() -> None:
    ladder = """
---
kind: ladder
id: default
version: 1
title: Others
rungs:
  note: {at: 10, do: [{log: true}]}
  pause: {at: 20, do: [{delay: {by: 1s}}]}
  trim: {at: 30, do: [{cap: {n: 1}}]}
"""
    assert steps(bundle(ladder=ladder).ladder) == Steps(("note", "pause", "trim"), 0, 1, 1)


def test_a_ladder_that_only_watches_has_no_other_step() -> None:
    ladder = """
---
kind: ladder
id: default
version: 1
title: Watching
rungs: {watch: {at: 10, do: [{log: true}]}}
"""
    assert dict(steps(bundle(ladder=ladder).ladder)) == {"watch": 0, "narrow": 1, "throttle": 1}

"""Keys that carry a harvest among other people's chats."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.detection import mixed
from benchmarks.detection.accounts import steps
from benchmarks.detection.corpus import locate, read_corpus
from gateway.policies.load import load_bundle
from tests.benchmarks.detection.support import write


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(mixed, "REQUESTS", 8)
    return write(tmp_path)


def made(home: Path) -> mixed.Mixture:
    return mixed.ingredients(read_corpus(locate(home)))


def test_only_campaigns_of_one_key_are_mixed_and_people_stand_between(home: Path) -> None:
    mixture = made(home)
    assert {name: len(own) for name, own in mixture.harvests.items()} == {"probe": 8, "wisher": 8}
    assert {line.truth for line in mixture.filler} == {"benign:chat"}


@pytest.mark.parametrize(("part", "wanted"), [(1.0, 8), (0.5, 4), (0.25, 2), (0.0, 0)])
def test_every_key_has_the_same_number_of_requests_and_its_share_of_the_harvest(
    home: Path, part: float, wanted: int
) -> None:
    roles, lines = mixed.keys(made(home), part)
    assert set(roles) == {"probe", "wisher"}
    assert [line.ts for line in lines] == sorted(line.ts for line in lines)
    for name in roles:
        own = [line for line in lines if line.principal == name]
        assert len(own) == 8
        assert sum(line.truth == "attack:mixed" for line in own) == wanted
        assert len({(line.org, line.ip, line.ua) for line in own}) == 1


def test_the_same_keys_are_made_every_time(home: Path) -> None:
    mixture = made(home)
    assert mixed.keys(mixture, 0.5) == mixed.keys(mixture, 0.5)


def test_a_harvest_that_is_too_short_is_left_out_rather_than_repeated(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixture = made(home)
    monkeypatch.setattr(mixed, "REQUESTS", 12)
    assert mixed.keys(mixture, 1.0)[0] == {}
    assert set(mixed.keys(mixture, 0.5)[0]) == {"probe", "wisher"}


def test_a_pure_key_is_met_and_a_thin_one_is_not(home: Path) -> None:
    mixture = made(home)
    bundle = load_bundle(home / "policies")
    marks = steps(bundle.ladder)

    def met(part: float) -> dict[str, int]:
        accounts = mixed.replay_share(bundle, mixture, part, lambda name, call: None)
        rows = mixed.gateway_rows(part, accounts, marks, (50.0, 50.0))
        return {row.detector: row.whole.hits for row in rows}

    assert met(1.0)["gateway at narrow"] == 2
    assert set(met(0.0).values()) == {0}


def test_without_a_class_of_chats_the_largest_one_stands_between(home: Path) -> None:
    corpus = read_corpus(locate(home))
    assert {corpus.roles[line.principal].scenario for line in mixed.ingredients(corpus).filler} == {"chat"}

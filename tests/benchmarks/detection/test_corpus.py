"""Which traffic is judged, and who is who in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.detection.corpus import fraction, harvesting, locate, read_corpus
from gateway.errors import ConfigError
from tests.benchmarks.detection.support import write


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return write(tmp_path)


def test_the_one_directory_below_traffic_is_found(home: Path) -> None:
    assert locate(home) == home / "traffic" / "small"
    assert locate(home / "traffic" / "small") == home / "traffic" / "small"


def test_of_several_directories_one_must_be_named(home: Path) -> None:
    (home / "traffic" / "other").mkdir()
    assert locate(home, "other").name == "other"
    with pytest.raises(ConfigError, match="choose one with SPLIT: other, small"):
        locate(home)
    with pytest.raises(ConfigError, match=r"no traffic 'smal'.*small"):
        locate(home, "smal")


def test_the_truth_stands_in_the_lines_and_the_campaign_beside_them(home: Path) -> None:
    roles = read_corpus(locate(home)).roles
    assert len(roles) == 10
    assert (roles["probe"].scenario, roles["probe"].campaign) == ("logprob_harvest", "probe")
    assert not roles["probe"].benign
    assert {roles[f"head-{key}"].campaign for key in range(3)} == {"h1"}
    assert roles["head-0"].scenario == "hydra wrapped"
    assert roles["job"].benign
    assert roles["job"].unit == "o-job"


def test_a_campaign_is_never_parted(home: Path) -> None:
    roles = read_corpus(locate(home)).roles
    assert len({roles[f"head-{key}"].fold for key in range(3)}) == 1


def test_without_a_file_beside_it_every_key_is_its_own_campaign(home: Path) -> None:
    (home / "traffic" / "small.principals.jsonl").unlink()
    roles = read_corpus(locate(home)).roles
    assert (roles["head-1"].campaign, roles["head-1"].scenario) == ("head-1", "hydra")


def test_a_broken_file_beside_it_is_named_with_its_line(home: Path) -> None:
    beside = home / "traffic" / "small.principals.jsonl"
    beside.write_text('{"principal": "a"}\n\n{"principal": 1}\n')
    with pytest.raises(ConfigError, match=r"principals\.jsonl:3:1: error: not a line about a principal"):
        read_corpus(locate(home))


def test_named_scenarios_keep_every_honest_class(home: Path) -> None:
    roles = read_corpus(locate(home), scenarios=["hydra"]).roles
    assert {role.scenario for role in roles.values()} == {"chat", "job", "hydra wrapped"}


def test_an_unknown_scenario_is_an_error_with_the_nearest_name(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"no scenario 'self_instuct'.*self_instruct"):
        read_corpus(locate(home), scenarios=["self_instuct"])


def test_traffic_without_truth_cannot_be_judged(tmp_path: Path) -> None:
    body = '{"model":"m","messages":[]}'
    (tmp_path / "a.jsonl").write_text(f'{{"ts":1,"principal":"p","request":{body}}}\n')
    with pytest.raises(ConfigError, match="no line says its truth"):
        read_corpus(tmp_path)


def test_only_the_first_requests_of_each_are_looked_at(home: Path) -> None:
    corpus = read_corpus(locate(home), most=3)
    assert sum(1 for _ in corpus.lines()) == 3 * 10


def test_a_share_draws_whole_units_and_the_same_ones_every_time(home: Path) -> None:
    half = read_corpus(locate(home), share=0.3).roles
    assert half == read_corpus(locate(home), share=0.3).roles
    assert len({f"head-{key}" for key in range(3)} & half.keys()) in (0, 3)
    assert len(half) < 10


@given(st.text(max_size=20))
def test_a_fraction_is_a_part(text: str) -> None:
    assert 0 <= fraction(text) < 1


@pytest.mark.parametrize(
    ("truth", "wanted"),
    [("attack:hydra", True), ("attack:hydra-filler", False), ("benign:chat", False), (None, False)],
)
def test_filler_is_not_what_an_attacker_is_after(truth: str | None, wanted: bool) -> None:
    assert harvesting(truth) is wanted

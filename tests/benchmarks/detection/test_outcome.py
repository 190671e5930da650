"""From alarms to figures."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.detection import outcome
from benchmarks.detection.accounts import Account
from tests.benchmarks.detection.support import account, role


def hydra(*sizes: int) -> dict[str, Account]:
    return {f"k{at}": account(role(f"k{at}", "hydra wrapped", "h"), size) for at, size in enumerate(sizes)}


def test_a_campaign_is_caught_when_half_of_its_keys_are() -> None:
    accounts = hydra(10, 10, 10, 10)
    (few,) = outcome.caught(accounts, {"k0": 3})
    (half,) = outcome.caught(accounts, {"k0": 3, "k1": 5})
    assert (few.campaigns.hits, half.campaigns.hits, half.campaigns.of) == (0, 1, 1)
    assert (half.principals.hits, half.principals.of) == (2, 4)


def test_what_was_given_away_is_what_came_before_each_alarm() -> None:
    (row,) = outcome.caught(hydra(10, 10), {"k0": 3})
    assert (row.answers, row.tokens, row.given) == (13, 130, 0.65)
    assert (row.requests, row.hours) == (4, 3.0)


def test_nobody_caught_gives_away_everything_and_has_no_time() -> None:
    (row,) = outcome.caught(hydra(10), {"k0": None})
    assert (row.given, row.requests, row.hours) == (1.0, None, None)


def test_filler_is_not_given_away() -> None:
    accounts = {"k": account(role("k", "relay"), 10, harvest=4)}
    assert outcome.leaked(accounts.values(), {})[0] == 4
    assert outcome.leaked(accounts.values(), {"k": 2})[0] == 2


def test_honest_classes_are_counted_apart_and_together() -> None:
    touched = (bytearray(10), bytearray([1] * 10))
    honest = {
        name: account(role(name, kind, benign=True), 10, touched=touched)
        for name, kind in (("a", "chat"), ("b", "chat"), ("c", "job"))
    }
    rows = outcome.spared(honest, {"b": 0}, 1)
    assert [(row.kind, row.principals.hits, row.principals.of, row.touched) for row in rows] == [
        ("chat", 1, 2, 20),
        ("job", 0, 1, 10),
        ("all", 1, 3, 30),
    ]
    assert [row.touched for row in outcome.spared(honest, {})] == [0, 0, 0]


def test_equal_numbers_of_requests_judge_only_those_who_sent_as_many() -> None:
    accounts = hydra(5, 50) | {"p": account(role("p", "chat", benign=True), 50)}
    attackers, honest = outcome.within(accounts, {"k0": 1, "k1": 20, "p": 9}, 20)
    assert (attackers.hits, attackers.of) == (0, 1)
    assert (honest.hits, honest.of) == (1, 1)
    assert outcome.within(accounts, {"k1": 19}, 20)[0].hits == 1


@given(st.lists(st.lists(st.floats(-1e3, 1e3, width=32), max_size=5), max_size=8), st.integers(0, 8))
def test_a_threshold_hits_no_more_than_is_allowed_and_none_lower_would_do(
    peaks: list[list[float]], allowed: int
) -> None:
    scores = {str(at): values for at, values in enumerate(peaks)}
    bar = outcome.threshold(scores, scores, allowed)
    alarms = outcome.score_alarms(scores, lambda name: bar)
    assert sum(at is not None for at in alarms.values()) <= allowed or len(scores) <= allowed
    if len(scores) > allowed:
        silent = sorted((max(values, default=float("-inf")) for values in peaks), reverse=True)[allowed]
        assert bar > silent


def test_linking_is_read_off_at_each_number_of_requests() -> None:
    accounts = hydra(30, 30) | {"p": account(role("p", "chat", benign=True), 30)}
    accounts["k0"].linked, accounts["p"].linked = 4, 14
    five, fifteen = outcome.linking(accounts, (5, 15))
    assert (five.wrapped.hits, five.wrapped.of, five.innocents.hits, five.innocents.of) == (1, 2, 0, 1)
    assert (fifteen.innocents.hits, fifteen.innocents.of, fifteen.bare.of) == (1, 2, 0)


def test_growth_tells_how_many_were_met_by_when() -> None:
    assert outcome.growth(hydra(9, 9, 9, 9), {"k0": 1, "k1": 1, "k2": 5}, "hydra wrapped") == [
        (2, 0.5),
        (6, 0.75),
    ]


@pytest.mark.parametrize(("values", "place"), [([0, 1, 2, 1], 2), ([0, 1], None), ([], None)])
def test_an_alarm_is_the_first_value_that_is_high_enough(values: list[float], place: int | None) -> None:
    assert outcome.first(array("d", values), 2) == place

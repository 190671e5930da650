"""The population's speech: what is rare, what is a stray, and what is put alike."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.campaigns import speech
from gateway.campaigns.operations import Said
from gateway.campaigns.speech import ENOUGH, WARM, Speech, counted

COMMON = (1, 2)
RARE = (70, 71, 72)


def warm() -> Speech:
    """Two words are in every turn, no other is."""
    known = Speech()
    for at in range(WARM):
        known.hear(Said(own=COMMON, style=(1, 2, 1000 + at), follows=True), stray=False)
    return known


def test_a_turn_that_takes_up_nothing_telling_is_a_stray() -> None:
    known = warm()
    assert known.stray(Said(own=RARE, taken=COMMON, follows=True)) is True
    assert known.stray(Said(own=RARE[1:], taken=RARE[:1], follows=True)) is False


@pytest.mark.parametrize(
    "said",
    [
        Said(own=RARE, follows=False),
        Said(own=(*COMMON, 70), follows=True),
        Said(taken=COMMON, follows=True),
    ],
)
def test_of_a_turn_that_opens_or_says_little_nothing_can_be_told(said: Said) -> None:
    assert warm().stray(said) is None


def test_before_enough_was_heard_nothing_is_rare() -> None:
    assert Speech().stray(Said(own=RARE, follows=True)) is None


def test_a_word_that_many_use_becomes_common() -> None:
    known = warm()
    for _ in range(20):
        known.hear(Said(own=RARE, follows=True), stray=False)
    assert known.stray(Said(own=RARE, follows=True)) is None


def drawn(known: Speech, pool: tuple[int, ...], ordinary: tuple[int, ...]) -> Speech:
    known.draw(pool * ENOUGH, 1)
    for _ in range(100):
        known.hear(Said(style=ordinary), stray=None)
    return known


def test_what_is_put_as_in_the_pool_is_like_it_and_ordinary_speech_is_not() -> None:
    known = drawn(Speech(), (5, 6), (7, 8))
    assert known.likeness({5: 1, 6: 1}, {}) > 1
    assert known.likeness({7: 1, 8: 1}, {}) < -1
    assert abs(known.likeness({5: 1, 7: 1}, {})) < known.likeness({5: 1}, {})


def test_words_that_others_hardly_use_say_nothing() -> None:
    assert drawn(Speech(), (5, 6), (7, 8)).likeness({9: 3}, {}) == 0


def test_nobody_is_like_himself() -> None:
    known = drawn(Speech(), (5,), (7,))
    known.draw([9] * 300, 1)
    assert known.likeness({9: 300}, {9: 300}) <= 0
    assert known.likeness({9: 300}, {}) > 0


def test_a_small_pool_says_nothing() -> None:
    known = Speech()
    known.draw([5] * 100, 1)
    assert known.likeness({5: 1}, {}) == 0


@given(st.lists(st.integers(0, 99), max_size=50))
def test_what_is_taken_out_of_the_pool_was_never_there(style: list[int]) -> None:
    known = drawn(Speech(), (5, 6), (7, 8))
    before = known.likeness({5: 1, 7: 1}, {})
    known.draw(style, 1)
    known.draw(style, -1)
    assert known.likeness({5: 1, 7: 1}, {}) == before


def test_strays_are_no_ordinary_speech() -> None:
    known, other = drawn(Speech(), (5,), (7,)), drawn(Speech(), (5,), (7,))
    known.hear(Said(style=(5,) * 20_000), stray=True)
    other.hear(Said(style=(5,) * 20_000), stray=False)
    assert known.likeness({5: 1}, {}) > other.likeness({5: 1}, {})


def test_what_was_heard_long_ago_fades(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "FADES", 1000)
    known = warm()
    for _ in range(3000):
        known.hear(Said(own=(3,), style=(9,), follows=True), stray=False)
    assert known.stray(Said(own=COMMON, taken=(70,), follows=True)) is False
    assert known.stray(Said(own=COMMON, follows=True)) is True


def test_replicas_add_up_to_one() -> None:
    source = random.Random(3)
    turns = [
        Said(own=tuple(source.sample(range(40), 3)), style=tuple(source.sample(range(40), 4)), follows=True)
        for _ in range(600)
    ]
    one, two, whole = Speech(), Speech(), Speech()
    for at, said in enumerate(turns):
        (one, two)[at % 2].hear(said, stray=False)
        whole.hear(said, stray=False)
    one.merge(two)
    one.draw([5] * ENOUGH, 1)
    whole.draw([5] * ENOUGH, 1)
    assert [one.stray(said) for said in turns] == [whole.stray(said) for said in turns]
    assert one.likeness(counted([5, 5, 6], [7]), {}) == whole.likeness({5: 2, 6: 1, 7: 1}, {})

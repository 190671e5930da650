"""Whose mark it is: many keys asked about, and nobody accused more often than the level allows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.marks.evidence import Evidence
from gateway.marks.keyring import SECRET, Epoch, KeyRing
from gateway.marks.verdict import judge

RING = KeyRing(
    Epoch(name, begins, name.encode().ljust(SECRET, b".")) for name, begins in (("1", 0.0), ("2", 9.0))
)
NAMES = [f"key_{number}" for number in range(100)]


def coins(size: int, key: bytes) -> list[int]:
    return random.Random(key).choices((0, 1), k=size)


def saying(key: bytes, size: int, agreeing: float = 1.0) -> Evidence:
    """Evidence of `size` places, of which the first part goes with the key and the rest against it."""
    own = coins(size, key)
    numbers = [(1 if coin else -1) * (1 if place < agreeing * size else -1) for place, coin in enumerate(own)]
    return Evidence(numbers, lambda other: coins(size, other))


def silent(seed: int, size: int = 200) -> Evidence:
    """Evidence of a text that nobody marked."""
    source = random.Random(seed)
    return Evidence([source.randint(-3, 3) for _ in range(size)], lambda key: coins(size, key))


def test_the_one_who_marked_is_found_in_his_epoch_and_kind_of_mark() -> None:
    right = RING.epochs[1].key("key_7")
    verdict = judge({"words": silent(1), "prose": saying(right, 200, 0.75)}, RING, NAMES)
    assert verdict.outcome == "marked"
    [one] = verdict.found
    assert (one.name, one.epoch, one.mark) == ("key_7", "2", "prose")
    assert verdict.best[0] == one
    assert verdict.tried == 400
    assert one.adjusted == pytest.approx(400 * one.p)


def test_several_who_marked_are_all_found() -> None:
    parts = [saying(RING.epochs[0].key(name), size) for name, size in (("key_1", 80), ("key_2", 60))]
    verdict = judge({str(number): part for number, part in enumerate(parts)}, RING, NAMES, shown=3)
    assert [one.name for one in verdict.found] == ["key_1", "key_2"]
    assert len(verdict.best) == 3
    # Step-down: the second is corrected for one key less.
    assert [one.adjusted / one.p for one in verdict.found] == pytest.approx([400, 399])


def test_without_a_mark_nobody_is_accused_and_too_little_text_is_told() -> None:
    assert judge({"words": silent(2)}, RING, NAMES, enough=1e-9).outcome == "unmarked"
    little = judge({"words": silent(2)}, RING, NAMES, enough=1e-5)
    assert (little.outcome, little.found) == ("too_little", ())
    # A level that asks for less is reached by less.
    assert judge({"words": silent(2)}, RING, NAMES, enough=1e-5, level=0.01).outcome == "unmarked"


def test_texts_without_a_mark_accuse_anybody_no_more_often_than_the_level() -> None:
    accused = sum(
        bool(judge({"words": silent(seed)}, RING, NAMES[:20], level=0.1).found) for seed in range(400)
    )
    # 40 expected; four standard deviations above.
    assert accused <= 40 + 4 * 36**0.5


def test_nobody_to_ask_about_is_a_mistake() -> None:
    for evidence, names in (({}, NAMES), ({"words": silent(1)}, [])):
        with pytest.raises(ValueError, match="nobody to ask about"):
            judge(evidence, RING, names)


@given(st.integers(0, 50), st.integers(1, 8), st.sampled_from([0.001, 0.1, 0.5, 0.9]))
def test_corrected_p_values_rise_with_their_own_and_stay_chances(seed: int, names: int, level: float) -> None:
    verdict = judge({"words": silent(seed, 12)}, RING, NAMES[:names] * 2, level=level, shown=99)
    assert verdict.tried == len(verdict.best) == 2 * names, "who is named twice is asked about once"
    adjusted = [one.adjusted for one in verdict.best]
    assert adjusted == sorted(adjusted)
    assert all(one.p <= one.adjusted <= 1 for one in verdict.best)
    assert [one.p for one in verdict.best] == sorted(one.p for one in verdict.best)
    assert verdict.found == tuple(one for one in verdict.best if one.adjusted <= level)

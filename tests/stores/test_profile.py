"""A profile tells what recurs from what is new, fades, stays small, and merges in any order."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gateway.observations import Observe
from gateway.stores.profile import BUCKETS, KEPT, SHARE, Profile

WEEK = 604_800.0
FRAME = (7, 8)
"""Shingles of a template, in buckets of their own."""


def _prompt(number: int, *, frame: Sequence[int] = (), length: int = 30) -> Observe:
    """A prompt of ever-new shingles, after those of a frame; its first and last come first."""
    own = [(number * 2_654_435_761 + at * 40_503) % 2**32 for at in range(length)]
    shingles = (*frame, *own)
    return Observe("k", WEEK, (1.0, float(number)), (shingles[0], shingles[-1], *shingles), number)


def _run(prompts: Sequence[Observe], now: float = 0.0) -> Profile:
    profile = Profile(2)
    for prompt in prompts:
        profile.update(prompt, now)
    return profile


def _values(profile: Profile, now: float = 0.0) -> tuple[float, ...]:
    return profile.update(Observe("k", WEEK), now).values


def _mean(profile: Profile, column: int) -> float:
    values = _values(profile)
    return values[column] / values[1]


def test_ever_new_prompts_have_neither_frame_nor_skeleton() -> None:
    profile = _run([_prompt(number) for number in range(1, 400)])
    assert _mean(profile, 2) < 0.01
    assert _mean(profile, 3) < 0.01
    assert _mean(profile, 4) < 0.01


def test_a_template_is_skeleton_and_frame_and_its_slots_are_not() -> None:
    profile = _run([_prompt(number, frame=FRAME, length=18) for number in range(1, 400)])
    assert _mean(profile, 2) > 0.98
    assert 0.08 < _mean(profile, 3) < 0.12
    assert 0.04 < _mean(profile, 4) < 0.08


def test_a_template_of_a_fifth_of_the_prompts_keeps_its_buckets_and_a_rare_one_does_not() -> None:
    often = _run([_prompt(number, frame=FRAME if number % 5 == 0 else ()) for number in range(1, 1000)])
    rarely = _run([_prompt(number, frame=FRAME if number % 50 == 0 else ()) for number in range(1, 1000)])
    assert _mean(often, 2) > SHARE
    assert _mean(rarely, 2) == 0.0


def test_repeats_are_counted_exactly_while_few_prompts_are_different() -> None:
    profile = _run([_prompt(number % KEPT) for number in range(3 * KEPT)])
    assert _values(profile)[5:7] == (3.0 * KEPT, float(KEPT))


def test_of_many_different_prompts_a_sample_tells_how_often_they_came() -> None:
    numbers = [(number * 2_654_435_761) % 2**32 for number in range(600)]
    profile = _run([_prompt(number, length=1) for number in numbers * 4])
    known, different = _values(profile)[5:7]
    assert different <= KEPT
    assert 3.0 <= known / different <= 4.0


def test_a_prompt_without_words_is_counted_and_relates_to_nothing() -> None:
    profile = _run([Observe("k", WEEK, (1.0, 2.0), (), 5)] * 2)
    assert _values(profile) == (2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 1.0, 2.0, 4.0)


def test_everything_halves_with_each_half_life() -> None:
    profile = _run([_prompt(1, frame=FRAME)] * 40)
    before = _values(profile)
    after = _values(profile, 2 * WEEK)
    assert after[0] == before[0] / 4
    assert after[7:] == tuple(value / 4 for value in before[7:])
    assert profile.votes[FRAME[0] % BUCKETS] == 10
    assert after[5:7] == (10.0, 1.0)
    assert _values(profile, 0.0) == after, "late arrivals fade nothing"


def test_reading_an_empty_profile_later_changes_nothing() -> None:
    profile = Profile(2)
    assert not any(_values(profile, 0.0))
    assert not any(_values(profile, 9 * WEEK))


def test_a_count_stops_at_the_highest() -> None:
    profile = _run([_prompt(1, frame=FRAME)])
    profile.votes[FRAME[0] % BUCKETS] = 65_535
    profile.times[0] = 65_535
    profile.update(_prompt(1, frame=FRAME), 0.0)
    assert profile.votes[FRAME[0] % BUCKETS] == 65_535
    assert profile.times[0] == 65_535


def test_a_full_profile_stays_within_its_bytes() -> None:
    profile = _run([_prompt(number * 2_654_435_761 % 2**32) for number in range(2000)])
    assert profile.nbytes() < 5 * 1024


events = st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=40)


def _sides(sent: list[tuple[int, bool]], which: bool) -> Profile:
    return _run([_prompt(number, length=3) for number, side in sent if side is which])


@given(events)
def test_replicas_that_merge_have_counted_what_one_would_have(sent: list[tuple[int, bool]]) -> None:
    one, other = _sides(sent, True), _sides(sent, False)
    whole = _run([_prompt(number, length=3) for number, _ in sent])
    one.merge(other)
    merged, all_of_it = _values(one), _values(whole)
    assert merged[:2] == all_of_it[:2]
    assert merged[5:] == all_of_it[5:]


@given(events)
def test_merging_is_commutative(sent: list[tuple[int, bool]]) -> None:
    left, right = _sides(sent, True), _sides(sent, False)
    mirror, image = _sides(sent, True), _sides(sent, False)
    left.merge(right)
    image.merge(mirror)
    assert _values(left) == _values(image)
    assert (left.shingles, left.votes, left.latest) == (image.shingles, image.votes, image.latest)


def test_a_merge_adds_the_same_shingle_and_lets_the_stronger_of_two_keep_the_difference() -> None:
    one = _run([_prompt(1, frame=FRAME, length=0)] * 5)
    other = _run([_prompt(1, frame=FRAME, length=0)] * 3)
    rival = _run([_prompt(2, frame=(FRAME[0] + BUCKETS, FRAME[1]), length=0)] * 9)
    one.merge(other)
    assert one.votes[FRAME[0]] == 8
    one.merge(rival)
    assert (one.shingles[FRAME[0]], one.votes[FRAME[0]]) == (FRAME[0] + BUCKETS, 1)
    assert one.votes[FRAME[1]] == 17


def test_a_merge_is_as_of_the_later_half_life() -> None:
    old, new = _run([_prompt(1)] * 8), _run([_prompt(2)] * 3, now=WEEK)
    old.merge(new)
    assert _values(old, WEEK)[0] == 7.0
    assert list(old.latest) == list(new.latest)

"""The evidence of a group: slots, purpose, circles, covers; bounded, and the same from two halves."""

from __future__ import annotations

import random

import pytest

from gateway.campaigns.account import Account
from gateway.campaigns.campaign import COMPLEMENTARY, HOUR, HOURS, LATELY, SAMPLE, Campaign, Evidence

DAY = 86400.0


def members(count: int, circles: int | None = None) -> list[Account]:
    source = random.Random(4)
    return [Account(f"a{at}", source.getrandbits(64), at % (circles or count)) for at in range(count)]


def group(
    accounts: list[Account], slots: int = 5, shared: int = 0, kinds: int = 3, now: float = 0.0
) -> Campaign:
    """Each account says `slots` shingles of its own, and `shared` that its neighbour says too."""
    made = Campaign("c1", now)
    source = random.Random(now)
    last: list[int] = []
    for at, account in enumerate(accounts):
        made.join(account, now)
        own = [source.getrandbits(63) for _ in range(slots)]
        made.hear(account, [*own, *last[:shared]], (at % kinds, 7, 0), now)
        last = own
        for _ in range(3):
            made.count(True)
    return made


def test_a_dealt_out_job_stands() -> None:
    made = group(members(30))
    assert made.repeated() == 0.0
    assert made.purpose() == 1.0
    assert made.stands()


def test_honest_users_who_meet_the_same_contents_are_released() -> None:
    made = group(members(30), slots=5, shared=3)
    assert (made.repeated() or 0.0) > 3 * COMPLEMENTARY
    assert not made.stands()


def test_a_phrase_that_is_added_now_and_then_is_no_job() -> None:
    made = group(members(30))
    for _ in range(400):
        made.count(False)
    assert not made.stands()


def test_what_stood_is_not_dropped_by_a_hair() -> None:
    made = group(members(20))
    for _ in range(85):
        made.count(False)
    assert made.stands()
    for _ in range(45):
        made.count(False)
    assert made.stands()
    fresh = group(members(20))
    for _ in range(130):
        fresh.count(False)
    assert not fresh.stands()


def test_nothing_is_said_on_a_handful_of_calls_or_slots() -> None:
    few = group(members(5))
    assert few.repeated() is None
    assert few.purpose() == 0.0
    assert few.evidence(DAY, 0.0).repeated == 0.0
    assert not few.stands()


def test_a_new_piece_makes_older_counts_weigh_less_and_later_calls_weigh_more() -> None:
    made = group(members(30))
    made.learn(1, 0.5)
    for _ in range(3 * LATELY):
        made.count(False)
    assert made.purpose() < 0.05
    for _ in range(3 * LATELY):
        made.count(True)
    assert made.purpose() > 0.6
    made.learn(1, 0.9)
    assert made.traits == {1: 0.9}


def test_the_evidence_counts_who_and_what_was_heard_in_the_window() -> None:
    made = group(members(30, circles=10))
    made.learn(5, 0.75)
    late = Account("late", 99, 99)
    made.join(late, DAY)
    made.hear(late, [], (0, 7, 0), DAY)
    made.pay(100.0, 0.0)
    made.pay(50.0, DAY)
    week = made.evidence(7 * DAY, DAY)
    assert (week.members, week.circles, week.output_tokens, week.requests) == (31, 11, 150.0, 90)
    assert (week.pieces, week.habit, week.shared) == (1, 0.75, ("ip_prefix",))
    assert 2.9 < week.covers <= 3.0
    hour = made.evidence(HOUR, DAY)
    assert (hour.members, hour.output_tokens) == (1, 50.0)


def test_one_member_with_a_cover_of_its_own_hardly_changes_their_number() -> None:
    made = group(members(20), kinds=1)
    assert made.evidence(DAY, 0.0).covers == 1.0
    other = Account("other", 98, 98)
    made.join(other, 0.0)
    made.hear(other, [], (12345, 7, 0), 0.0)
    assert made.evidence(DAY, 0.0).covers < 1.2


def test_evidence_is_counted_again_when_somebody_joins_or_leaves_and_when_time_passes() -> None:
    made = group(members(30))
    assert made.evidence(DAY, 0.0) is made.evidence(DAY, 1.0)
    late = Account("late", 99, 99)
    made.join(late, 1.0)
    made.join(late, 2.0)
    assert made.evidence(DAY, 1.0).members == 31
    made.leave(late)
    assert made.evidence(DAY, 1.0).members == 30
    assert made.evidence(DAY, 2 * DAY).members == 0


def test_the_words_say_every_number() -> None:
    made = group(members(30))
    made.learn(5, 0.75)
    assert made.evidence(DAY, 0.0).words() == (
        "30 accounts of 30 organisations or networks use one frame of 1 pieces, in 100% or more of their "
        "calls, with contents of which 0.0% come twice, under 3.0 system prompts; most share ip_prefix"
    )


def test_evidence_survives_the_way_through_the_store() -> None:
    found = group(members(30)).evidence(DAY, 0.0)
    assert Evidence.read(found.numbers()) == found


def test_the_sample_and_the_hours_are_bounded() -> None:
    made = group(members(200), slots=40)
    assert len(made.slots) <= 2 * SAMPLE
    for hour in range(HOURS + 20):
        made.pay(1.0, hour * HOUR)
    assert len(made.hours) == HOURS
    assert made.evidence(7 * DAY, (HOURS + 19) * HOUR).output_tokens == pytest.approx(168.0)


def test_only_groups_of_which_enough_is_known_are_told_apart() -> None:
    hand, tool, sheet = group(members(30)), group(members(30), kinds=1), group(members(30), shared=3)
    assert hand.unlike(tool)
    assert tool.unlike(hand)
    assert hand.unlike(sheet)
    assert not tool.unlike(sheet)
    assert not hand.unlike(group(members(30)))
    assert not hand.unlike(group(members(5), kinds=1))
    assert not group(members(7), slots=20, kinds=1).unlike(hand)


def test_two_halves_become_what_the_whole_would_have_been() -> None:
    accounts = members(40)
    one, other, whole = group(accounts[:25]), group(accounts[20:], now=9.0), group(accounts)
    other.learn(3, 0.5)
    other.pay(10.0, 9.0)
    one.swallow(other)
    assert one.members.keys() == whole.members.keys()
    assert (one.first, one.last, one.traits) == (0.0, 9.0, {3: 0.5})
    found = one.evidence(DAY, 9.0)
    assert (found.members, found.output_tokens, found.requests) == (40, 10.0, 135)
    assert one.stands()

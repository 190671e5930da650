"""A piece in the population: a habit of few, or everybody's language."""

from __future__ import annotations

import random

from gateway.campaigns.trait import FOUNDS, GROWN, Trait


def used(uses: int, repeats: int) -> Trait:
    trait = Trait()
    source = random.Random(3)
    for at in range(uses):
        mark = source.getrandbits(64)
        trait.uses.add(mark)
        if at < repeats:
            trait.repeats.add(mark)
    return trait


def test_what_nearly_all_of_its_users_repeat_is_a_habit_and_what_few_repeat_is_not() -> None:
    assert used(20, 12).habitual(GROWN)
    assert not used(50, 9).habitual(GROWN)


def test_of_young_accounts_less_is_asked_for_they_had_less_occasion() -> None:
    assert used(50, 9).habitual(GROWN / 3)
    assert not used(50, 2).habitual(GROWN / 3)


def test_a_habit_is_lost_when_many_more_use_it() -> None:
    trait = used(20, 8)
    assert trait.habitual(100.0)
    assert not trait.lost()
    trait.merge(used(40, 0))
    assert trait.lost()


def test_it_is_looked_at_when_enough_repeat_it_and_in_a_campaign_with_each_quarter_more() -> None:
    assert not used(9, FOUNDS - 1).ripe()
    trait = used(9, FOUNDS)
    assert trait.ripe()
    trait.looked = FOUNDS
    assert trait.ripe()
    trait.campaign = object()  # type: ignore[assignment]  # only its presence counts
    assert not trait.ripe()
    trait.repeats.add(1)
    assert trait.ripe()


def test_two_pieces_belong_together_when_the_same_accounts_repeat_them() -> None:
    assert used(20, 10).beside(used(30, 20))
    assert not used(20, 10).beside(Trait())
    assert not used(20, 2).beside(used(20, 2))


def test_replicas_add_up() -> None:
    one = used(10, 3)
    other = Trait()
    other.uses.add(1)
    other.repeats.add(1)
    one.merge(other)
    assert (len(one.uses), len(one.repeats)) == (11, 4)

"""One pool of questions behind many accounts: who is found, who is left alone, and that it adds up."""

from __future__ import annotations

import random

import pytest

from gateway.campaigns.operations import Said
from gateway.campaigns.pool import Evidence, Pool
from tests.campaigns.support import WEEK, crowd
from tests.campaigns.talk import (
    ASKED,
    FARM,
    PEOPLE,
    PLAIN,
    SPOKEN,
    TOOL,
    TUTOR,
    TUTORED,
    Talk,
    harvested,
    town,
)


def test_accounts_that_draw_from_one_pool_are_found_and_people_are_not() -> None:
    talk = harvested()
    assert talk.standing(FARM) >= 20
    assert talk.standing([*PEOPLE, *TUTORED]) == 0
    assert talk.pool.id.startswith("p")
    assert talk.pool.names() == tuple(sorted(name for name in FARM if talk.pool.standing(name)))
    assert 0 < talk.pool.first <= talk.pool.last <= talk.now


def test_people_alone_are_no_pool() -> None:
    talk = town()
    for at, name in enumerate(crowd("rambler", 10)):
        for _ in range(10):
            talk.say(name, range(300 + 12 * at, 312 + 12 * at), takes=False)
    assert talk.standing([*PEOPLE, *TUTORED, *crowd("rambler", 10)]) == 0
    assert talk.pool.id == ""


def test_who_only_opens_conversations_is_not_heard() -> None:
    talk = town()
    for _ in range(20):
        talk.say("api", ASKED, takes=False, follows=False)
    assert talk.pool.nbytes("api") == 0
    assert 0 < talk.pool.nbytes(PEOPLE[0]) < 2048


def test_a_turn_that_is_sent_again_is_no_other() -> None:
    talk = town()
    said = Said(talk.rare(), (), tuple(ASKED), follows=True)
    for _ in range(20):
        talk.pool.hear("retrier", None, said, (PLAIN, 0, 0), talk.now)
    talk.harvest(FARM, 12)
    assert talk.standing(FARM) >= 20
    assert not talk.pool.standing("retrier")


def test_the_users_of_a_tool_that_asks_questions_are_left_alone() -> None:
    talk = town()
    customers = crowd("customer", 24)
    for _ in range(12):
        for name in customers:
            talk.say(name, ASKED, takes=False, cover=TOOL)
    assert talk.standing(customers) == 0


def test_nobody_is_named_while_most_suspects_are_unlike() -> None:
    talk = town()
    ramblers = crowd("rambler", 60)
    for at, name in enumerate(ramblers):
        for _ in range(8):
            talk.say(name, range(300 + 12 * at, 312 + 12 * at), takes=False)
    talk.harvest(FARM, 12)
    assert talk.standing([*FARM, *ramblers]) == 0


def test_who_finds_a_thread_again_is_a_member_no_more() -> None:
    talk = harvested()
    name = next(name for name in FARM if talk.pool.standing(name))
    talk.people([name], 30, strays=0.0)
    assert not talk.pool.standing(name)


def test_an_account_can_be_withdrawn() -> None:
    talk = harvested()
    name = next(name for name in FARM if talk.pool.standing(name))
    talk.pool.withdraw(name)
    talk.pool.withdraw("stranger")
    assert not talk.pool.standing(name)
    assert talk.pool.nbytes(name) == 0


def test_two_strays_on_their_own_are_little_evidence_of_a_pool() -> None:
    talk = harvested()
    for _ in range(2):
        talk.say("young", SPOKEN, takes=False)
    assert not talk.pool.standing("young")


def test_evidence_is_told_in_numbers_and_words() -> None:
    talk = harvested()
    found = talk.pool.evidence(WEEK, talk.now)
    assert found.members == found.circles == talk.standing(FARM)
    assert 0.6 <= found.strays <= 1
    assert 0.6 <= found.alike <= 1
    assert 1.5 <= found.covers <= 2
    assert Evidence.read(found.numbers()) == found
    assert found.words().startswith(f"{found.members} accounts of {found.members} organisations or networks")


def test_colleagues_and_accounts_behind_one_address_are_one_circle() -> None:
    assert harvested(org="acme").pool.evidence(WEEK, 0.0).circles == 1
    assert harvested(place=5).pool.evidence(WEEK, 0.0).circles == 1


def test_members_that_were_quiet_for_the_window_do_not_count() -> None:
    talk = harvested()
    assert talk.pool.evidence(WEEK, talk.now).members > 0
    assert talk.pool.evidence(WEEK, talk.now + 2 * WEEK) == Evidence(
        0, 0, 0.0, talk.pool.evidence(WEEK, talk.now).alike, 0.0
    )


def test_evidence_is_counted_again_only_when_it_may_have_changed() -> None:
    talk = harvested()
    found = talk.pool.evidence(WEEK, talk.now)
    assert talk.pool.evidence(WEEK, talk.now + 60.0) is found
    talk.harvest(FARM, 4)
    assert talk.pool.evidence(WEEK, talk.now) is not found


def test_an_empty_pool_has_no_evidence() -> None:
    assert Pool(10).evidence(WEEK, 0.0) == Evidence(0, 0, 0.0, 0.0, 0.0)
    assert not Pool(10).standing("p")


def test_accounts_that_were_quiet_longest_are_forgotten() -> None:
    talk = harvested()
    small = Talk(Pool(30))
    small.people(PEOPLE)
    small.harvest(FARM, 4)
    assert small.pool.nbytes(FARM[0]) > 0
    small.people(PEOPLE)
    assert small.pool.nbytes(FARM[0]) == 0
    assert small.standing(FARM) == 0
    assert talk.standing(FARM) > 0


@pytest.mark.parametrize("shared", [True, False])
def test_two_replicas_find_what_one_would(*, shared: bool) -> None:
    """Accounts are heard by both replicas in turns, or each by one of them."""
    one, two = Talk(), Talk(source=random.Random(6), words=40_000)
    for at, talk in enumerate((one, two)):
        own = slice(None) if shared else slice(at, None, 2)
        rounds = 6 if shared else 12
        talk.people(PEOPLE[own], rounds)
        talk.people(TUTORED[own], rounds, cover=TUTOR)
        talk.people(crowd(f"more-{at}", 20), 10)
        talk.harvest(FARM[own], rounds)
    one.pool.merge(two.pool)
    one.now = max(one.now, two.now)
    one.harvest(FARM, 3)
    assert one.standing(FARM) >= 18
    assert one.standing([*PEOPLE, *TUTORED]) <= 1

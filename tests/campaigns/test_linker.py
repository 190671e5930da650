"""Linking accounts: who is joined, who is not, and that memory, merging and order do no harm."""

from __future__ import annotations

from random import Random

import pytest

from gateway.campaigns import linker as module
from gateway.campaigns.campaign import Campaign
from gateway.campaigns.linker import Linker
from gateway.campaigns.operations import Frame
from tests.campaigns.support import FRAME, WEEK, Crowd, crowd, words

FARM = crowd("farm", 24)
PEOPLE = crowd("person", 24)


def standing(heard: Crowd, names: list[str]) -> set[str]:
    """The ids of the campaigns that these accounts stand in; `none` for those in none."""
    found = (heard.standing(name) for name in names)
    return {"none" if campaign is None else campaign.id for campaign in found}


def campaign_of(heard: Crowd, name: str) -> Campaign:
    campaign = heard.standing(name)
    assert campaign is not None
    return campaign


def test_accounts_with_one_frame_around_different_contents_are_joined_and_nobody_else() -> None:
    heard = Crowd()
    heard.chat(PEOPLE, 3)
    heard.harvest(FARM)
    heard.chat(PEOPLE, 9)
    assert len(standing(heard, FARM)) == 1
    assert "none" not in standing(heard, FARM)
    assert standing(heard, PEOPLE) == {"none"}
    (campaign,) = heard.linker.standing_campaigns()
    found = campaign.evidence(WEEK, heard.now)
    assert (found.members, found.circles) == (24, 24)
    assert found.repeated == 0.0
    assert found.covers > 2.5
    assert heard.linker.names(campaign) == tuple(sorted(FARM))


def test_a_few_calls_each_are_enough() -> None:
    heard = Crowd()
    heard.harvest(crowd("farm", 60), rounds=4)
    assert "none" not in standing(heard, crowd("farm", 60))


def test_the_frame_may_be_dealt_out_of_several_pieces() -> None:
    templates = [
        "Here is my next question: {}.",
        "{}. Walk me through how you arrive at it.",
        "Here is my next question: {}. Walk me through how you arrive at it.",
    ]
    heard = Crowd()
    for turn in range(18):
        heard.harvest(FARM, 1, templates[turn % 3])
    assert len(standing(heard, FARM)) == 1
    assert "none" not in standing(heard, FARM)


def test_wrappers_of_a_word_at_each_end_are_found_as_a_pair() -> None:
    heard = Crowd()
    heard.harvest(FARM, 12, "Hi {} Thanks")
    assert "none" not in standing(heard, FARM)


def test_classmates_who_ask_the_same_questions_stay_out() -> None:
    heard = Crowd()
    sheet = [f"why is {a} {b} larger than {b} {a} when they are divided by {c} {a}"
             for a, b, c in zip("abcdefghijkl", "mnopqrstuvwx", "lkjihgfedcba", strict=True)]  # fmt: skip
    heard.harvest(FARM, 12, slot=lambda turn: sheet[turn])
    assert standing(heard, FARM) == {"none"}


def test_a_line_that_is_added_now_and_then_links_nobody() -> None:
    heard = Crowd()
    for _ in range(8):
        heard.harvest(FARM, 1, "{}. Please write in plain English only.")
        heard.chat(FARM, 8)
    assert standing(heard, FARM) == {"none"}


def test_what_many_say_and_few_repeat_is_language_even_if_it_began_as_a_frame() -> None:
    heard = Crowd(Linker(5000))
    heard.harvest(crowd("first", 6), rounds=6)
    assert heard.linker.campaigns
    for at in range(400):
        heard.chat([f"other-{at}"], 1)
        heard.harvest([f"other-{at}"], 1)
        heard.chat([f"other-{at}"], 6)
    assert not heard.linker.campaigns
    assert standing(heard, crowd("first", 6)) == {"none"}


def test_a_phrase_that_many_use_and_a_few_repeat_founds_nothing() -> None:
    heard = Crowd()
    heard.harvest(crowd("first", 2), 3)
    for name in crowd("other", 60):
        heard.chat([name], 14)
        heard.harvest([name], 1)
    heard.harvest(crowd("other", 6), 1)
    assert not heard.linker.campaigns


def test_the_same_prompt_again_and_again_is_no_habit() -> None:
    heard = Crowd()
    for name in FARM:
        for _ in range(12):
            heard.say(name, "Tell me once more about the long road to the harbour of the old town, will you?")
    assert not heard.linker.campaigns


def test_texts_without_a_frame_are_passed_over() -> None:
    heard = Crowd()
    heard.say("p", "hi there")
    heard.linker.pay("p", 5.0, 0.0)
    heard.linker.pay("nobody", 5.0, 0.0)
    assert heard.standing("p") is None
    assert heard.standing("nobody") is None
    assert heard.linker.nbytes("nobody") == 0


def test_colleagues_are_one_circle() -> None:
    heard = Crowd()
    heard.harvest(FARM, org="acme")
    found = campaign_of(heard, FARM[0]).evidence(WEEK, heard.now)
    assert (found.members, found.circles) == (24, 1)


def test_the_tokens_of_members_add_up() -> None:
    heard = Crowd()
    heard.harvest(FARM)
    for name in (*FARM, *PEOPLE):
        heard.linker.pay(name, 100.0, heard.now)
    heard.now += WEEK / 50
    assert campaign_of(heard, FARM[0]).evidence(WEEK, heard.now).output_tokens == 2400.0


def test_the_id_stays_while_the_campaign_grows() -> None:
    heard = Crowd()
    heard.harvest(FARM[:12])
    began = campaign_of(heard, FARM[0]).id
    heard.harvest(FARM)
    assert standing(heard, FARM) == {began}


def test_two_campaigns_that_turn_out_to_be_one_keep_the_older_id() -> None:
    one, other = "Here is my next question: {}.", "{}. Walk me through how you arrive at it."
    heard = Crowd()
    heard.harvest(FARM[:12], 8, one)
    heard.harvest(FARM[12:], 8, other)
    older, younger = (campaign_of(heard, name) for name in (FARM[0], FARM[12]))
    assert older.id != younger.id
    heard.harvest(FARM, 8, "Here is my next question: {}. Walk me through how you arrive at it.")
    assert standing(heard, FARM) == {older.id}
    assert list(heard.linker.campaigns) == [older.id]


def test_the_users_of_one_tool_stay_apart_from_a_campaign_that_uses_some_of_its_words() -> None:
    tool, shared = "Work through this task now: {}. Report.", "Work through this task now: {}. Explain it."
    heard = Crowd()
    heard.harvest(FARM, 12, FRAME)
    heard.harvest(PEOPLE, 12, tool, covers=("You are a coding agent.",))
    mine, theirs = standing(heard, FARM), standing(heard, PEOPLE)
    for _ in range(6):
        heard.harvest(FARM[:4], 1, shared)
        heard.harvest(FARM[:4], 1, "Next item from my list: work through this task now: {}.")
    assert standing(heard, FARM) == mine
    assert standing(heard, PEOPLE) == theirs
    assert mine != theirs


def test_an_account_that_repeated_the_frame_before_it_was_known_joins_with_its_next_call() -> None:
    heard = Crowd()
    heard.harvest(["early"], 2)
    heard.harvest(FARM)
    heard.chat(["early"], 1)
    assert standing(heard, ["early"]) == standing(heard, FARM)


def test_one_call_in_the_frame_joins_nobody() -> None:
    heard = Crowd()
    heard.harvest(FARM)
    heard.harvest(["curious"], 1)
    heard.chat(["curious"], 3)
    assert heard.standing("curious") is None
    heard.harvest(["curious"], 1)
    assert heard.standing("curious") is not None


def test_accounts_that_were_quiet_longest_are_forgotten_and_leave_their_campaign() -> None:
    heard = Crowd(Linker(30))
    heard.harvest(FARM)
    campaign = campaign_of(heard, FARM[0])
    heard.chat(PEOPLE, 1)
    assert heard.standing(FARM[0]) is None
    assert len(campaign.members) == 6
    heard.harvest(FARM[-6:] + PEOPLE[:6], 3)
    assert len(campaign.members) == 12


def test_pieces_that_gained_nobody_for_long_are_forgotten_and_their_campaign_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FEWEST", 40)
    heard = Crowd(Linker(200))
    heard.harvest(FARM)
    assert heard.linker.campaigns
    for _ in range(6):
        heard.harvest(PEOPLE[:2], 2, f"{words(heard.source, 10)} {{}}")
    assert standing(heard, FARM) == {"none"}


def test_an_account_costs_at_most_two_kilobytes_and_far_less_at_first() -> None:
    heard = Crowd()
    heard.harvest(["p"], 3)
    assert heard.linker.nbytes("p") < 900
    heard.harvest(["p"], 60)
    heard.chat(["p"], 60)
    assert heard.linker.nbytes("p") < 2048


def test_equal_calls_give_equal_campaigns() -> None:
    def run() -> list[tuple[str, tuple[float, ...]]]:
        heard = Crowd()
        heard.harvest(FARM)
        heard.chat(PEOPLE)
        return [
            (each.id, each.evidence(WEEK, heard.now).numbers()) for each in heard.linker.campaigns.values()
        ]

    assert run() == run()


def test_the_order_of_accounts_makes_no_difference_to_who_is_joined() -> None:
    one, other = Crowd(), Crowd()
    one.harvest([*FARM, *PEOPLE[:0]])
    other.harvest(FARM[::-1])
    assert {one.standing(name) is None for name in FARM} == {other.standing(name) is None for name in FARM}


class TestMerging:
    """Replicas that heard different calls."""

    def test_two_halves_of_a_campaign_become_one(self) -> None:
        one, other = Crowd(), Crowd(now=30.0, source=Random(9))
        one.harvest(FARM[:14])
        other.harvest(FARM[10:])
        ids = {campaign_of(one, FARM[0]).id, campaign_of(other, FARM[20]).id}
        one.linker.merge(other.linker)
        (found,) = standing(one, FARM)
        assert found in ids
        assert campaign_of(one, FARM[0]).evidence(WEEK, one.now).members == 24

    def test_a_campaign_that_the_other_found_is_taken_over(self) -> None:
        one, other = Crowd(), Crowd()
        one.chat(PEOPLE)
        other.harvest(FARM)
        there = campaign_of(other, FARM[0]).id
        one.linker.merge(other.linker)
        assert standing(one, FARM) == {there}
        assert standing(one, PEOPLE) == {"none"}

    def test_what_was_too_little_at_each_is_enough_together(self) -> None:
        one, other = Crowd(), Crowd()
        one.harvest(FARM[:1], 3)
        other.harvest(FARM[1:2], 3)
        one.linker.merge(other.linker)
        assert not one.linker.campaigns
        one.harvest(FARM[2:4], 3)
        assert len(one.linker.campaigns) == 1

    def test_accounts_that_do_not_fit_any_more_are_left_out(self) -> None:
        one, other = Crowd(Linker(10)), Crowd()
        one.chat(PEOPLE[:10], 1)
        other.harvest(FARM)
        one.linker.merge(other.linker)
        assert len(campaign_of(one, FARM[-1]).members) == 10
        assert one.linker.nbytes(PEOPLE[0]) == one.linker.nbytes(FARM[0]) == 0

    def test_pieces_that_do_not_fit_any_more_are_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one, other = Crowd(), Crowd()
        other.harvest(FARM)
        other.harvest(PEOPLE, template=f"{words(other.source, 12)} {{}}")
        assert len(other.linker.campaigns) == 2
        monkeypatch.setattr(module, "FEWEST", 3)
        monkeypatch.setattr(module, "SHARE", 1000)
        one.linker.merge(other.linker)
        (campaign,) = one.linker.campaigns.values()
        assert len(campaign.traits) == 3


def test_an_empty_frame_is_heard_as_nothing() -> None:
    linker = Linker(10)
    linker.hear("p", None, Frame(), (), 0.0)
    assert linker.nbytes("p") > 0

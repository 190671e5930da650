"""A new turn beside its conversation: which of its words were said there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.campaigns.operations import Said
from gateway.campaigns.speech import STYLE as STYLE_PLACES
from gateway.campaigns.speech import WORDS as WORD_PLACES
from gateway.model import Turn
from gateway.signals.threads import STYLE, WORDS, said

BEFORE = (
    Turn("system", "Copper is never mentioned."),
    Turn("user", "Where does the river begin?"),
    Turn("assistant", "Under the glacier, beside an old chapel."),
)


def test_the_tables_have_a_place_for_every_hash() -> None:
    assert (WORDS, STYLE) == (WORD_PLACES, STYLE_PLACES)


def test_a_follow_up_takes_up_words_of_the_question_and_of_the_answer() -> None:
    assert len(said("is the Chapel near the RIVER bank?", BEFORE).taken) == 3  # the, chapel, river
    assert len(said("is the Chapel near the RIVER bank?", BEFORE).own) == 2  # near, bank; `is` is short


def test_what_only_the_system_prompt_says_is_not_taken_up() -> None:
    found = said("copper prices", BEFORE)
    assert found.follows
    assert (len(found.own), len(found.taken)) == (2, 0)


def test_without_an_answer_nothing_is_followed() -> None:
    found = said("Where does the river begin?", BEFORE[:2])
    assert not found.follows
    assert found.taken == ()
    assert found.style


def test_scripts_without_spaces_are_taken_up_by_character() -> None:
    before = (Turn("user", "北京在哪里"), Turn("assistant", "在中国北方"))
    found = said("那上海呢北方", before)
    assert (len(found.taken), len(found.own)) == (2, 4)


def test_how_a_turn_begins_and_ends_is_style() -> None:
    assert set(said("so what now", ()).style) != set(said("what now so", ()).style)


def test_a_turn_without_words_says_nothing() -> None:
    assert said("?!", BEFORE) == Said()


def test_the_edges_of_long_texts_are_read() -> None:
    between = " " * 5000
    long = f"glacier {between} chapel"
    assert len(said(long, (Turn("user", "x"), Turn("assistant", long))).taken) == 2
    hidden = f"{between} glacier chapel {between}"
    assert said(long, (Turn("user", "x"), Turn("assistant", hidden))).taken == ()


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_each_word_is_either_taken_up_or_not_and_all_hashes_have_a_place(
    new: str, asked: str, answered: str
) -> None:
    found = said(new, (Turn("user", asked), Turn("assistant", answered)))
    assert found == said(new, (Turn("user", asked), Turn("assistant", answered)))
    assert all(0 <= word < WORDS for word in (*found.own, *found.taken))
    assert all(0 <= each < STYLE for each in found.style)
    alone = said(new, (Turn("assistant", ""),))
    assert alone.style == said(new, ()).style
    assert sorted((*found.own, *found.taken)) == sorted(alone.own)

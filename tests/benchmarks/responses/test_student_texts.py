"""The student of texts: what it gives to words, and what it says."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.responses import student_texts as texts

SAID = st.text("ab ,.\n'", max_size=40)
LESSONS = st.lists(SAID, max_size=6)


@given(SAID)
def test_words_joined_are_the_text_again_but_for_space_at_its_end(text: str) -> None:
    assert "".join(texts.words(text)) == text.rstrip()


@given(LESSONS, st.lists(st.sampled_from([" a", " b", ""]), min_size=2, max_size=2))
def test_after_any_context_the_chances_of_all_words_add_up_to_one(
    lessons: list[str], context: list[str]
) -> None:
    student = texts.Student(lessons)
    known = {word for text in lessons for word in [*texts.words(text), ""]}
    rest = (texts.WORDS - len(known)) * student.chance(context, "never seen")
    total = sum(student.chance(context, word) for word in known) + rest
    assert total == pytest.approx(1)


@given(st.lists(st.lists(st.sampled_from((" a", " b", " ,", "\nc"))), max_size=6), st.integers(0, 99))
def test_it_says_only_words_that_it_was_taught(lessons: list[list[str]], seed: int) -> None:
    student = texts.Student("".join(lesson) for lesson in lessons)
    assert set(texts.words(student.say(random.Random(seed)))) <= {
        word for lesson in lessons for word in lesson
    }


def test_it_foretells_its_own_teacher_better_than_another_one() -> None:
    one, other = ["The sea is wide. The sea is deep."], ["My cat has a hat, and the hat is red."]
    student = texts.Student(one)
    assert texts.surprise(student, one) < 2 < texts.surprise(student, other)
    assert texts.foretold(student, one) > 0.7 > texts.foretold(student, other)


def test_one_that_was_taught_nothing_gives_every_word_the_same() -> None:
    student = texts.Student([])
    assert texts.surprise(student, ["a b c"]) == pytest.approx(14.288, abs=1e-3)
    assert texts.foretold(student, ["a b c"]) == 0.25, "the end is all it knows"
    assert student.say(random.Random(1)) == ""


def test_what_it_was_taught_more_often_it_says_more_often() -> None:
    student = texts.Student(["for example"] * 3 + ["for instance"])
    chance = random.Random(1)
    said = [student.say(chance) for _ in range(400)]
    assert said.count("for example") > 2 * said.count("for instance") > 0

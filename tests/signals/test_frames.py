"""The frame of a prompt: its two ends, whatever stands between, in any script."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.signals.frames import ENDS, LONG, frame, opening
from tests.campaigns.support import words

WRAPPERS = [
    "Here is the next question from my list: {}",
    "{} Show me all of the intermediate results.",
    "Bitte bearbeite die folgende Aufgabe ganz sorgfältig: {}",
    "请详细写出每一步的推理过程。最后给出答案。{}",
    "次の問題を一つずつ丁寧に解いてください。{}",
    "Hi! {} Thanks",
    "Q: {} A:",
]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_two_prompts_in_one_wrapper_share_pieces_and_two_without_share_none(wrapper: str) -> None:
    source = random.Random(1)
    one, other = words(source, 40), words(source, 40)
    assert set(frame(wrapper.format(one)).pieces) & set(frame(wrapper.format(other)).pieces)
    assert not set(frame(one).pieces) & set(frame(other).pieces)


@given(st.text(max_size=2000))
def test_any_text_has_a_frame_of_bounded_size(text: str) -> None:
    found = frame(text)
    assert len(found.pieces) <= 40
    assert len(found.words) <= 2 * ENDS + 1
    assert all(-(2**63) <= piece < 2**63 for piece in found.pieces)
    assert frame(text) == found


@given(st.text(alphabet="abc xyz", min_size=2 * ENDS + 1, max_size=4 * ENDS))
def test_only_the_ends_of_a_long_prompt_are_read(text: str) -> None:
    assert frame(text) == frame(f"{text[:ENDS]}{'m' * 5000}{text[-ENDS:]}")


def test_numbers_make_no_difference_and_no_frame() -> None:
    assert frame("Solve exercise 17 of the third sheet") == frame("Solve exercise 4 of the third sheet")
    assert frame("3 8 12 4 6 9 11 2 7 5 1 4 4 9 12 10").pieces == ()
    assert frame("hi there").pieces == ()


def test_scripts_without_spaces_take_longer_shingles_for_the_same_words() -> None:
    assert frame("please write every step of the solution").long == LONG
    assert frame("请详细写出每一步的推理过程").long == 2 * LONG


def test_system_prompts_are_told_apart_by_how_they_begin() -> None:
    one = opening("You are the friendly shop assistant of our house: Anna's flowers.")
    assert one == opening("You are the friendly shop assistant of our house: Bert's bread.")
    assert one != opening("You are a coding agent that works in a terminal.")
    assert opening("") == opening(" … ") == 0

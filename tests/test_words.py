"""Words for people: in error messages, and for spans of time."""

from __future__ import annotations

import pytest

from gateway.words import QUOTED, quote, spoken, suggest


def test_the_nearest_right_word_is_suggested() -> None:
    assert suggest("pionts", ["ramp", "points"]) == " (did you mean 'points'?)"


def test_words_of_other_tools_are_known() -> None:
    assert suggest("off", ["disabled", "shadow"]) == " (did you mean 'disabled'?)"
    assert suggest("Block", ["limit", "reject"]) == " (did you mean 'reject'?)"
    assert suggest("off", ["points"]) == ""


def test_nothing_is_suggested_when_nothing_is_near() -> None:
    assert suggest("xyz", ["points"]) == ""
    assert suggest(7, []) == ""


def test_a_quotation_is_short_and_on_one_line() -> None:
    assert quote("a\n b" + "c" * 100) == "'a b" + "c" * (QUOTED - 4) + "'"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (0.0004, "0s"),
        (0.25, "250ms"),
        (1.4, "1s"),
        (59.9996, "1m"),
        (90, "1m 30s"),
        (3600, "1h"),
        (93_784.2, "1d 2h 3m 4s"),
    ],
)
def test_a_span_of_time_is_said_in_its_units(seconds: float, words: str) -> None:
    assert spoken(seconds) == words

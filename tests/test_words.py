"""Words for error messages."""

from __future__ import annotations

from gateway.words import QUOTED, quote, suggest


def test_the_nearest_right_word_is_suggested() -> None:
    assert suggest("pionts", ["ramp", "points"]) == " (did you mean 'points'?)"


def test_nothing_is_suggested_when_nothing_is_near() -> None:
    assert suggest("xyz", ["points"]) == ""
    assert suggest(7, []) == ""


def test_a_quotation_is_short_and_on_one_line() -> None:
    assert quote("a\n b" + "c" * 100) == "'a b" + "c" * (QUOTED - 4) + "'"

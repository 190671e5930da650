"""Evidence of the mark in prose: the same places as the mark, told without assuming anything of the text."""

from __future__ import annotations

from gateway.marks.prose import ProseEvidence
from gateway.marks.text import evidence, mark, preferred, sites
from tests.marks.texts import DULL, KEY, OTHER, PROSE


def test_a_marked_text_goes_with_its_key_at_every_place_and_with_another_by_chance() -> None:
    found = ProseEvidence([mark(PROSE, KEY)])
    agreeing, places = evidence(mark(PROSE, KEY), KEY)
    assert found.score(KEY) == found.places == agreeing == places
    assert found.score(OTHER) < found.places
    assert found.p(found.score(KEY)) == 2.0**-found.places


def test_the_chance_of_a_score_is_the_share_of_all_keys_that_reach_it() -> None:
    found = ProseEvidence([PROSE])
    keys = [str(number).encode() for number in range(4000)]
    reached = sum(found.score(key) >= found.score(KEY) for key in keys) / len(keys)
    assert abs(reached - found.p(found.score(KEY))) < 0.04


def test_what_is_said_both_ways_in_one_place_says_nothing() -> None:
    (first, *_) = sites(PROSE)
    chosen = preferred(KEY, first)
    alone = ProseEvidence([mark(PROSE, KEY)]).places
    both = ProseEvidence([mark(PROSE, KEY), mark(PROSE, OTHER)])
    assert chosen in (0, 1)
    assert both.places < alone


def test_a_text_without_places_is_no_evidence() -> None:
    found = ProseEvidence([DULL])
    assert (found.places, found.p(0), found.reach()) == (0, 1.0, 1.0)

"""Marking prose: the same however it comes, found again by its key, and by no other."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.marks.protected import WINDOW
from gateway.marks.text import Marker, Profile, agreement, evidence, mark, sites
from tests.marks.texts import DULL, KEY, OTHER, PROSE, PROTECTED, pieces

PROFILES: tuple[Profile, Profile] = ("light", "strong")
keys = st.binary(min_size=1, max_size=64)


def in_pieces(text: str, cuts: list[int], key: bytes, profile: Profile = "strong", quoted: str = "") -> str:
    marker = Marker(key, profile, quoted)
    bounds = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return "".join([marker.feed(text[a:b]) for a, b in pairwise(bounds)]) + marker.close()


# --- however it is cut -----------------------------------------------------------------------------


@given(pieces(), st.lists(st.integers(0, 10_000), max_size=20), st.sampled_from(PROFILES), keys)
def test_a_stream_is_marked_as_its_whole_text(
    text: str, cuts: list[int], profile: Profile, key: bytes
) -> None:
    assert in_pieces(text, cuts, key, profile) == mark(text, key, profile)


@given(pieces(), keys)
def test_one_character_at_a_time_gives_the_same(text: str, key: bytes) -> None:
    assert in_pieces(text, list(range(len(text))), key) == mark(text, key)


@given(st.text(max_size=300), keys)
def test_any_text_at_all_can_be_marked_and_read(text: str, key: bytes) -> None:
    marked = mark(text, key)
    assert in_pieces(text, list(range(len(text))), key) == marked
    agreeing, all_of_them = evidence(marked, key)
    assert 0 <= agreeing <= all_of_them


@given(pieces(), st.lists(st.integers(0, 10_000), max_size=20))
def test_less_than_a_window_is_held_back(text: str, cuts: list[int]) -> None:
    marker = Marker(KEY, "strong")
    given_in, come_out = 0, 0
    bounds = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    for a, b in pairwise(bounds):
        given_in += b - a
        come_out += len(marker.feed(text[a:b]))
        # A mark changes lengths: what is held is what has not been looked at, and that is bounded.
        assert len(marker.pending) < WINDOW
    come_out += len(marker.close())
    assert marker.pending == ""
    assert come_out == len(mark(text, KEY))
    assert given_in == len(text)


def test_a_very_long_answer_is_marked_as_its_parts_would_be() -> None:
    text = PROSE * 400
    assert mark(text, KEY) == mark(PROSE, KEY) * 400


# --- what is changed -------------------------------------------------------------------------------


def test_prose_is_changed_and_what_is_said_twice_is_changed_alike() -> None:
    marked = mark(PROSE, KEY)
    assert marked not in (PROSE, mark(PROSE, OTHER))
    assert mark(PROSE * 2, KEY) == marked * 2


def test_the_light_profile_changes_a_part_of_what_the_strong_one_does() -> None:
    light, strong = sites(PROSE, "light"), sites(PROSE)
    assert 5 < len(light) < len(strong)
    assert set(light) < set(strong)
    for key in (bytes([n]) for n in range(1, 40)):
        found = {(site.rule, site.context): site.form for site in sites(mark(PROSE, key, "light"))}
        kept = {(site.rule, site.context): site.form for site in strong if not site.light}
        assert kept.items() <= found.items() or mark(PROSE, key, "light") != PROSE


@given(keys, st.sampled_from(PROFILES))
def test_what_is_marked_is_not_changed_again(key: bytes, profile: Profile) -> None:
    marked = mark(PROSE, key, profile)
    assert mark(marked, key, profile) == marked


def test_a_capital_amid_a_sentence_is_a_name_and_stays() -> None:
    text = "We went to see the Make sure that film, and this one is for all of you and the rest of us.\n"
    assert "make-sure" not in {site.rule for site in sites(text)}


def test_a_rule_for_beginnings_is_none_for_what_stands_within() -> None:
    text = "It rained, and moreover, the wind that blew over all of you had cost the rest of us a tree.\n"
    assert "moreover" not in {site.rule for site in sites(text)}


@pytest.mark.parametrize("opened", ["`", "*", "'"])
def test_a_mark_that_is_never_closed_protects_no_more_than_its_paragraph(opened: str) -> None:
    text = f"{opened}It {PROSE}"
    assert mark(f"{text}\n{PROSE}", KEY) == f"{text}\n{mark(PROSE, KEY)}"


def test_a_text_without_sites_stays_as_it_is() -> None:
    assert sites(DULL) == []
    assert mark(DULL, KEY) == DULL


@pytest.mark.parametrize("kind", PROTECTED)
def test_nothing_protected_is_changed(kind: str) -> None:
    text = PROTECTED[kind]
    assert sites(text) == []
    assert mark(text, KEY) == text


@pytest.mark.parametrize("kind", PROTECTED)
def test_what_is_protected_stays_so_between_prose(kind: str) -> None:
    text = f"{PROSE}\n{PROTECTED[kind]}"
    assert mark(text, KEY) == mark(f"{PROSE}\n", KEY) + PROTECTED[kind]


# --- what is taken from the prompt -----------------------------------------------------------------


def test_what_the_answer_copies_from_the_prompt_stays() -> None:
    text = f"{PROSE}\n{DULL}"
    assert mark(text, KEY, quoted=f"Correct this: {PROSE}") == text
    assert mark(text, KEY, quoted="Write something about gardens.") != text


@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_copies_are_found_however_the_answer_is_cut(cuts: list[int]) -> None:
    quoted = PROSE[80:220]
    assert in_pieces(PROSE * 2, cuts, KEY, quoted=quoted) == mark(PROSE * 2, KEY, quoted=quoted)


# --- finding it again ------------------------------------------------------------------------------


@given(keys, st.sampled_from(PROFILES))
def test_a_marked_text_agrees_with_its_key_at_every_site(key: bytes, profile: Profile) -> None:
    agreeing, all_of_them = evidence(mark(PROSE, key, profile), key, profile)
    assert agreeing == all_of_them > 5


def test_a_comma_is_taken_away_and_never_put_in() -> None:
    listed = (
        "We have all of the salt, oil, bread and butter that you and the rest of us had wanted for this.\n"
    )
    for key in (bytes([n]) for n in range(1, 40)):
        assert mark(listed, key).count(",") == 2
    assert {mark(listed.replace("bread and", "bread, and"), bytes([n])).count(",") for n in range(1, 40)} == {
        2,
        3,
    }


def test_under_the_right_key_more_agrees_than_under_any_other() -> None:
    marked = mark(PROSE, KEY)
    agreeing, all_of_them = evidence(marked, KEY)
    assert agreeing == all_of_them > 10
    others = [evidence(marked, n.to_bytes(4))[0] for n in range(1, 200)]
    assert max(others) < agreeing
    assert 0.4 < sum(others) / len(others) / all_of_them < 0.6


def test_what_is_repeated_counts_once() -> None:
    assert evidence(PROSE * 5, KEY) == evidence(PROSE, KEY)
    assert agreement(sites(PROSE) * 3, KEY) == evidence(PROSE, KEY)


def test_a_site_tells_where_it_stands() -> None:
    for site in sites(DULL * 60 + PROSE):
        assert (DULL * 60 + PROSE)[site.start : site.end].lower() in PROSE.lower()
        assert site.start >= len(DULL) * 60
    assert {site.rule for site in sites(PROSE)} > {"for-example", "such-as", "comma", "moreover"}


def test_a_text_without_sites_is_no_evidence() -> None:
    assert evidence(DULL, KEY) == (0, 0)


def test_half_a_character_does_no_harm() -> None:
    text = f"{PROSE}\ud800 {PROSE}"
    assert mark(text, KEY) == mark(PROSE, KEY) + f"\ud800 {PROSE}"

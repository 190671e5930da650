"""An account's memory of its conversations: what is a habit, and that it stays small."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.campaigns.speaker import HABIT, KEPT, LATELY, LEAST, SHARE, Speaker

TURNS = st.lists(st.booleans(), max_size=300)
STYLES = st.lists(st.lists(st.integers(0, 2**14 - 1), max_size=80), max_size=12)


def heard(turns: list[bool]) -> Speaker:
    speaker = Speaker("p", 1, 2)
    for stray in turns:
        speaker.follow(stray)
    return speaker


def test_two_strays_are_no_habit_and_three_of_five_are() -> None:
    assert not heard([True] * (LEAST - 1)).share(SHARE)
    assert heard([True, False, True, False, True]).share(SHARE)
    assert not heard([True, False, True, False, True, False]).share(SHARE)
    assert heard([True, False, True, False, True, False]).share(HABIT)


@given(TURNS)
def test_the_share_is_that_of_the_turns_and_late_ones_count_for_more(turns: list[bool]) -> None:
    speaker = heard(turns)
    assert 0 <= speaker.strays <= speaker.follows <= LATELY
    if len(turns) <= LATELY:
        assert (speaker.follows, speaker.strays) == (len(turns), sum(turns))
    again = heard([*turns, *[True] * int(LATELY)])
    assert again.share(SHARE)


@given(TURNS)
def test_a_stray_adds_evidence_and_a_turn_that_takes_up_something_takes_it_away(turns: list[bool]) -> None:
    speaker = heard(turns[:60])
    before = speaker.weight()
    speaker.follow(stray=True)
    assert speaker.weight() > before
    between = speaker.weight()
    speaker.follow(stray=False)
    assert speaker.weight() < between


@given(STYLES)
def test_the_latest_style_is_kept_and_what_is_forgotten_for_it_is_told(styles: list[list[int]]) -> None:
    speaker, gone = Speaker("p", 1, 2), list[int]()
    for style in styles:
        gone += speaker.stray(style)
        speaker.open(style)
    said = [each for style in styles for each in style]
    assert [*gone, *speaker.strayed] == said
    assert speaker.opened == speaker.strayed
    assert len(speaker.strayed) <= KEPT


def test_the_memory_is_bounded() -> None:
    speaker = heard([True] * 1000)
    speaker.mark = speaker.circle = speaker.place = speaker.latest = 2**63
    for _ in range(50):
        speaker.stray(range(100))
        speaker.open(range(100))
    assert speaker.nbytes() <= 1.5 * 1024


def test_two_replicas_add_up_to_one() -> None:
    one, other = heard([True, True]), heard([True, False])
    one.last, one.place, one.cover = 5.0, 50, 500
    other.last, other.place, other.cover = 9.0, 90, 900
    one.turns, other.turns = 3, 4
    one.stray([1])
    other.stray([2])
    other.open([3])
    one.merge(other)
    assert (one.strays, one.follows, one.turns) == (3, 4, 7)
    assert (one.last, one.place, one.cover) == (9.0, 90, 900)
    assert (list(one.strayed), list(one.opened)) == ([1, 2], [3])
    other.merge(one)
    assert (other.last, other.place) == (9.0, 90)

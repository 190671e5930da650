"""One account's memory: what came back, what did not, and no more than a few hundred pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.campaigns.account import AGAIN, DIGESTS, ONCE, Account


def account() -> Account:
    return Account("a", 1, 2)


PIECES = st.lists(
    st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20, unique_by=lambda p: p & 0xFFFFFFFF
)


@given(PIECES)
def test_a_piece_is_new_then_comes_back_once_and_is_known_from_then_on(pieces: list[int]) -> None:
    one = account()
    assert one.hear(tuple(pieces)) == ([], pieces)
    assert one.hear(tuple(pieces)) == (pieces, [])
    assert one.hear(tuple(pieces)) == ([], [])


def test_a_mixture_is_sorted_out() -> None:
    one = account()
    one.hear((1, 2))
    one.hear((2, 3))
    assert one.hear((1, 2, 3, 4)) == ([1, 3], [4])


def test_a_prompt_sent_again_is_no_new_prompt() -> None:
    one = account()
    assert [one.repeats(digest) for digest in (7, 8, 7)] == [False, False, True]
    assert one.calls == 2
    for digest in range(100, 100 + DIGESTS):
        one.repeats(digest)
    assert not one.repeats(7)


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    one = account()
    for at in range(400):
        one.repeats(at)
        one.hear(tuple(range(at * 10, at * 10 + 20)))
    assert (len(one.once), len(one.again), len(one.digests)) == (ONCE, AGAIN, DIGESTS)
    assert one.hear((0,)) == ([], [0])
    assert one.nbytes() < 2048


def test_what_two_replicas_heard_once_each_came_back() -> None:
    one, other = account(), account()
    one.repeats(1)
    one.hear((1, 2, 3))
    other.repeats(2)
    other.hear((3, 4))
    other.hear((4, 5))
    one.merge(other)
    assert set(one.again) == {3, 4}
    assert set(one.once) == {1, 2, 5}
    assert one.calls == 2
    assert one.repeats(2)

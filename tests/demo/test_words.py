"""Scripted text and numbers."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.words import pieces, seed_of, story, vector, weigh


@given(st.text())
def test_pieces_put_together_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(st.text(), st.integers(0, 1000), st.integers(0, 2**64), st.integers(1, 20))
def test_alternatives_are_ordered_distinct_and_less_than_certain(
    text: str, position: int, seed: int, k: int
) -> None:
    token = weigh(text, position, seed, k)
    values = [value for _, value in token.ranked]
    assert len(values) == len({name for name, _ in token.ranked}) == k
    assert values == sorted(values, reverse=True)
    assert sum(map(math.exp, values)) <= 1.0
    assert (token.text, token.logprob) == token.ranked[0]


@given(st.text(), st.integers(0, 2**64))
def test_every_story_says_what_it_is(prompt: str, seed: int) -> None:
    assert story(prompt, seed).startswith("This is the demo upstream, and this text is scripted.")


@given(st.text(), st.integers(1, 300))
def test_vectors_have_the_size_asked_for_and_length_one(text: str, size: int) -> None:
    values = vector(text, size)
    assert len(values) == size
    assert math.isclose(sum(value * value for value in values), 1.0)


def test_seeds_depend_on_every_part() -> None:
    assert len({seed_of("a", "b"), seed_of("ab"), seed_of("b", "a"), seed_of("a", "b", 0)}) == 4

"""The sketch: exact while small, fair above, and the same in any order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from gateway.campaigns.smallest import KEPT, Smallest

HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=200)


def of(items: list[int]) -> Smallest:
    made = Smallest()
    for item in items:
        made.add(item)
    return made


@given(HASHES, HASHES)
def test_merging_gives_what_one_set_would_have_kept(one: list[int], other: list[int]) -> None:
    merged = of(one)
    merged.merge(of(other))
    assert list(merged) == list(of(other + one)) == sorted({*one, *other})[:KEPT]


@given(st.sets(st.integers(0, 2**64 - 1), max_size=KEPT - 1), st.sets(st.integers(0, 2**64 - 1), max_size=30))
def test_small_sets_are_counted_exactly(one: set[int], other: set[int]) -> None:
    assert len(of([*one, *one])) == len(one)
    assert of([*one]).common(of([*other])) == len(one & other)


def test_large_sets_and_what_they_share_are_estimated() -> None:
    source = random.Random(1)
    items = [source.getrandbits(64) for _ in range(30_000)]
    left, right = of(items[:20_000]), of(items[10_000:])
    assert 0.6 * 20_000 < len(left) < 1.6 * 20_000
    assert 0.5 * 10_000 < left.common(right) < 2 * 10_000
    assert left.common(of([source.getrandbits(64) for _ in range(20_000)])) < 2000


def test_it_stays_small() -> None:
    source = random.Random(2)
    assert of([source.getrandbits(64) for _ in range(5000)]).nbytes() < 800

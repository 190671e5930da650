"""Sums over the last vectors: the newest ones count, the oldest block goes, and replicas add up."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Reading
from gateway.observations import Blocks
from gateway.stores.blocks import BlockSums

KEEP = 5
_VALUES = st.lists(st.integers(-9, 9), max_size=40)


def filled(values: list[int]) -> BlockSums:
    held = BlockSums(2)
    for at, value in enumerate(values):
        held.update(Blocks("k", KEEP, 2, (float(value), 1.0)), float(at))
    return held


def told(held: BlockSums) -> list[float]:
    reading = held.update(Blocks("k", KEEP, 2), 0.0)
    return list(array("f", reading.data))


@given(_VALUES)
def test_it_tells_the_sums_of_the_last_one_or_two_blocks(values: list[int]) -> None:
    found = told(filled(values))
    if not values:
        assert found == []
        return
    n = int(found[0])
    assert min(len(values), KEEP) <= n <= 2 * KEEP
    assert found == [n, sum(values[-n:]), n]


@given(_VALUES, _VALUES)
def test_what_two_replicas_saw_adds_up(one: list[int], other: list[int]) -> None:
    merged, swapped = filled(one), filled(other)
    merged.merge(filled(other))
    swapped.merge(filled(one))
    assert told(merged) == told(swapped)
    parts = [told(filled(values)) or [0.0, 0.0, 0.0] for values in (one, other)]
    assert (told(merged) or [0.0, 0.0, 0.0]) == [a + b for a, b in zip(*parts, strict=True)]


def test_reading_writes_nothing_and_the_state_is_small() -> None:
    assert Blocks("k", KEEP, 2).nothing() == Reading()
    assert Blocks("k", KEEP, 2, (1.0, 1.0)).nothing() is None
    held = BlockSums(49)
    for _ in range(500):
        held.update(Blocks("k", 100, 49, (0.5,) * 49), 0.0)
    assert held.nbytes() < 700


@pytest.mark.parametrize("many", [1, KEEP, KEEP + 1, 3 * KEEP])
def test_the_count_is_of_what_is_summed(many: int) -> None:
    assert told(filled([1] * many))[0] == told(filled([1] * many))[1]

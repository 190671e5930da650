"""The memory store: bounded, least recently used out, and reading creates nothing."""

from __future__ import annotations

import pytest

from gateway.model import Distinct, Gap, Op, Peak, Reading, Recent, Register, Sum, Take
from gateway.stores.memory import MemoryStore

READS: list[tuple[Op, Reading]] = [
    (Sum("p", "sum", 60.0, (0.0, 0.0)), Reading((0.0, 0.0, 0.0))),
    (Distinct("p", "distinct", 60.0), Reading((0.0,))),
    (Gap("p", "gap", 60.0), Reading((0.0, 0.0, 0.0))),
    (Recent("p", "recent", 4, 1), Reading()),
    (Peak("p", "peak", 60.0), Reading((0.0,))),
    (Register("p", "register"), Reading()),
]
WRITES: list[Op] = [
    Sum("p", "sum", 60.0, (1.0, 2.0)),
    Distinct("p", "distinct", 60.0, (5,)),
    Gap("p", "gap", 60.0, arrive=True),
    Recent("p", "recent", 4, 1, data=b"x"),
    Peak("p", "peak", 60.0, 3.0),
    Register("p", "register", (4.0,)),
    Take("p", "take", 1.0, 1),
]


@pytest.mark.parametrize(("op", "nothing"), READS)
def test_reading_what_was_never_written_answers_nothing_and_creates_nothing(op: Op, nothing: Reading) -> None:
    store = MemoryStore(10)
    empty = store.nbytes("p")
    assert store.apply([op], 0.0) == [nothing]
    assert store.nbytes("p") <= empty


def test_each_operation_is_answered_in_order_and_remembered() -> None:
    store = MemoryStore(10)
    written = store.apply(WRITES, 0.0)
    assert [len(reading.values) for reading in written] == [3, 1, 3, 0, 1, 0, 2]
    again = store.apply([op for op, _ in READS], 1.0)
    assert again[0].values == (1.0, 2.0, 1.0)
    assert again[1].values == (1.0,)
    assert again[3].data == b"x"
    assert again[5].values == (4.0,)
    assert store.nbytes("p") > 500


def test_scopes_are_separate_within_one_round_trip() -> None:
    store = MemoryStore(10)
    store.apply([Sum("a", "k", 60.0, (1.0,)), Sum("b", "k", 60.0, (5.0,)), Sum("a", "k", 60.0, (1.0,))], 0.0)
    readings = store.apply([Sum("a", "k", 60.0, (0.0,)), Sum("b", "k", 60.0, (0.0,))], 0.0)
    assert [reading.values[0] for reading in readings] == [2.0, 5.0]


def test_the_principal_seen_longest_ago_is_forgotten_first() -> None:
    store = MemoryStore(2)
    for scope in ("a", "b", "a", "c"):
        store.apply([Sum(scope, "k", 60.0, (1.0,))], 0.0)
    assert len(store) == 2
    kept = store.apply([Sum(scope, "k", 60.0, (0.0,)) for scope in ("a", "c")], 0.0)
    assert [reading.values[0] for reading in kept] == [2.0, 1.0]
    assert store.apply([Sum("b", "k", 60.0, (0.0,))], 0.0)[0].values[0] == 0.0

"""The memory store: bounded, least recently used out, and reading creates nothing."""

from __future__ import annotations

import pytest

from gateway.model import Clear, Distinct, Gap, Op, Peaks, Reading, Reads, Recent, Register, Sum, Take
from gateway.stores import memory
from gateway.stores.memory import MemoryStore

READS: list[tuple[Op, Reading]] = [
    (Sum("sum", 60.0, (0.0, 0.0)), Reading((0.0, 0.0, 0.0))),
    (Distinct("distinct", 60.0), Reading((0.0,))),
    (Gap("gap", 60.0), Reading((0.0, 0.0, 0.0))),
    (Recent("recent", 4, 1), Reading()),
    (Peaks("peak", 60.0, (0.0, 0.0)), Reading((0.0, 0.0))),
    (Register("register"), Reading()),
]
WRITES: list[Op] = [
    Sum("sum", 60.0, (1.0, 2.0)),
    Distinct("distinct", 60.0, (5,)),
    Gap("gap", 60.0, arrive=True),
    Recent("recent", 4, 1, data=b"x"),
    Peaks("peak", 60.0, (0.0, 3.0)),
    Register("register", (4.0,)),
    Take("take", 1.0, 1),
]
ADD, READ = Sum("k", 60.0, (1.0,)), Sum("k", 60.0, (0.0,))


@pytest.mark.parametrize(("op", "nothing"), READS)
def test_reading_what_was_never_written_answers_nothing_and_creates_nothing(op: Op, nothing: Reading) -> None:
    store = MemoryStore(10)
    empty = store.nbytes("p")
    assert store.apply([("p", [op])], 0.0) == [[nothing]]
    assert store.nbytes("p") <= empty


def test_a_scope_is_cleared_but_for_what_is_to_stay_and_others_are_left_alone() -> None:
    store = MemoryStore(10)
    store.apply([("p", WRITES), ("q", WRITES)], 0.0)
    (cleared, *readings), others = store.apply(
        [("p", [Clear("clear", ("register",)), *(op for op, _ in READS)]), ("q", [op for op, _ in READS])],
        1.0,
    )
    assert cleared == Reading()
    assert [one == nothing for one, (_, nothing) in zip(readings, READS, strict=True)] == [True] * 5 + [False]
    assert readings[5].values == others[5].values == (4.0,)
    assert others[0].values == (1.0, 2.0, 1.0)
    assert store.apply([("new", [Clear("clear")])], 0.0) == [[Reading()]]


def test_each_operation_is_answered_in_order_and_remembered() -> None:
    store = MemoryStore(10)
    (written,) = store.apply([("p", WRITES)], 0.0)
    assert [len(reading.values) for reading in written] == [3, 1, 3, 0, 2, 0, 2]
    (again,) = store.apply([("p", [op for op, _ in READS])], 1.0)
    assert again[0].values == (1.0, 2.0, 1.0)
    assert again[1].values == (1.0,)
    assert again[3].data == b"x"
    assert again[5].values == (4.0,)
    assert store.nbytes("p") > 500


def test_scopes_are_separate_within_one_round_trip() -> None:
    store = MemoryStore(10)
    store.apply([("a", [ADD]), ("b", [Sum("k", 60.0, (5.0,))]), ("a", [ADD])], 0.0)
    readings = store.apply([("a", [READ]), ("b", [READ])], 0.0)
    assert [batch[0].values[0] for batch in readings] == [2.0, 5.0]


def test_the_principal_seen_longest_ago_is_forgotten_first() -> None:
    store = MemoryStore(2)
    for scope in ("a", "b", "a", "c"):
        store.apply([(scope, [ADD])], 0.0)
    assert len(store) == 2
    kept = store.apply([("a", [READ]), ("c", [READ])], 0.0)
    assert [batch[0].values[0] for batch in kept] == [2.0, 1.0]
    assert store.apply([("b", [READ])], 0.0)[0][0].values[0] == 0.0


def test_forgotten_counters_are_gone_everywhere_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SLICE", 2)
    store = MemoryStore(10)
    other = Sum("other", 60.0, (1.0,))
    for scope in "abcde":
        store.apply([(scope, [ADD, other])], 0.0)
    assert sum(1 for _ in store.forget({"k", "never"})) == 2
    for scope in "abcde":
        readings = store.apply([(scope, [READ, Sum("other", 60.0, (0.0,))])], 0.0)[0]
        assert [reading.values[0] for reading in readings] == [0.0, 1.0]


def test_forgetting_is_no_use_and_may_be_interrupted_by_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SLICE", 1)
    store = MemoryStore(2)
    store.apply([("a", [ADD]), ("b", [ADD])], 0.0)
    steps = store.forget({"k"})
    next(steps)
    store.apply([("c", [ADD])], 0.0)  # a, the one used longest ago, is out
    assert [None for _ in steps] == [None]
    kept = store.apply([("b", [READ]), ("c", [READ])], 0.0)
    assert [batch[0].values[0] for batch in kept] == [0.0, 1.0]


def test_reads_that_are_put_together_once_hold_nothing_that_writes() -> None:
    with pytest.raises(ValueError, match="writes"):
        Reads([Sum("k", 60.0, (0.0,)), Sum("l", 60.0, (1.0,))])

"""A ledger says what each of its sums would say by itself, whatever other plans call its columns."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Sum
from gateway.observations import Ledger, Names, column, owner
from gateway.stores.ledger import LedgerRows
from gateway.stores.memory import MemoryStore
from gateway.stores.summaries import WindowSum

AB, BC, ABC = Names("ab"), Names("bc"), Names("abc")
times = st.floats(0, 500).map(lambda at: round(at, 1))
events = st.lists(st.tuples(times, st.sampled_from("abc"), st.integers(1, 9)), max_size=30)


def _op(names: Names, *amounts: tuple[str, float]) -> Ledger:
    return Ledger("l", 120.0, 12, names, [(names.places[name], amount) for name, amount in amounts])


def _filled(names: Names, some: Sequence[tuple[float, str, int]]) -> LedgerRows:
    made = LedgerRows(names)
    for at, name, amount in some:
        made.update(_op(names, (name, float(amount))), at)
    return made


def _read(rows: LedgerRows, names: Names, now: float = 500.0) -> dict[str, float]:
    return dict(zip(names, rows.update(_op(names), now).values, strict=False))


@given(events)
def test_each_column_is_the_window_sum_of_its_own_amounts(some: list[tuple[float, str, int]]) -> None:
    rows = _filled(ABC, some)
    for name in ABC:
        alone = WindowSum(1)
        # A sum by itself forgets when it is read, so it is read at the same times.
        for at, other, amount in some:
            alone.update(Sum("k", 120.0, (float(amount) if other == name else 0.0,)), at)
        assert _read(rows, ABC)[name] == alone.update(Sum("k", 120.0, (0.0,)), 500.0).values[0]


def test_a_plan_with_more_names_takes_the_ledger_over_and_finds_the_sums() -> None:
    rows = _filled(AB, [(1.0, "a", 5), (2.0, "b", 7)])
    assert _read(rows, ABC, 3.0) == {"a": 5.0, "b": 7.0, "c": 0.0}
    assert rows.names is ABC
    rows.update(_op(ABC, ("c", 2.0)), 4.0)
    assert _read(rows, ABC, 4.0) == {"a": 5.0, "b": 7.0, "c": 2.0}


def test_a_plan_with_other_names_counts_beside_the_one_before_and_loses_nothing() -> None:
    rows = _filled(AB, [(1.0, "a", 5), (2.0, "b", 7)])
    assert _read(rows, BC, 3.0) == {"b": 7.0, "c": 0.0}
    assert rows.names is AB  # who only reads changes nothing
    rows.update(_op(BC, ("b", 1.0), ("c", 3.0)), 4.0)
    assert _read(rows, BC, 4.0) == {"b": 8.0, "c": 3.0}
    assert _read(rows, AB, 4.0) == {"a": 5.0, "b": 8.0}


def test_equal_names_of_another_plan_are_the_same_columns() -> None:
    rows = _filled(AB, [(1.0, "a", 5)])
    again = Names("ab")
    assert _read(rows, again, 2.0) == {"a": 5.0, "b": 0.0}
    assert rows.names is again


def test_what_is_forgotten_is_gone_and_the_rest_stays() -> None:
    names = Names([column("ratio:1", 0), column("ratio:1", 1), column("count:2", 0)])
    assert [owner(name) for name in names] == ["ratio:1", "ratio:1", "count:2"]
    rows = _filled(names, [(1.0, name, 4) for name in names])
    rows.forget({"ratio:1"})
    assert rows.names == ("count:2/0",)
    assert rows.reading.values[0] == 4.0
    rows.forget({"ratio:1"})
    assert rows.names == ("count:2/0",)


@given(events, events)
def test_replicas_that_merge_see_what_one_would_have_seen_whatever_their_names(
    one: list[tuple[float, str, int]], other: list[tuple[float, str, int]]
) -> None:
    mine = [event for event in one if event[1] != "c"]
    theirs = [event for event in other if event[1] != "a"]
    left, right = _filled(AB, sorted(mine)), _filled(BC, sorted(theirs))
    left.merge(right)
    whole = _filled(ABC, sorted(mine + theirs))
    assert _read(left, ABC) == _read(whole, ABC)


def test_the_store_keeps_ledgers_by_scope_and_forgets_their_columns() -> None:
    store = MemoryStore(10)
    names = Names([column("a", 0), column("b", 0)])
    read = Ledger("l", 120.0, 12, names)
    assert store.apply([("p", [read])], 0.0)[0][0].values == (0.0, 0.0)
    store.apply([("p", [Ledger("l", 120.0, 12, names, [(0, 1.0), (1, 2.0)])])], 1.0)
    assert store.apply([("p", [read])], 2.0)[0][0].values[:2] == (1.0, 2.0)
    assert store.apply([("q", [read])], 2.0)[0][0].values[:2] == (0.0, 0.0)
    assert list(store.forget({"a"})) == []
    assert store.apply([("p", [read])], 3.0)[0][0].values[:2] == (0.0, 2.0)


def test_a_ledger_tells_its_size() -> None:
    small, large = LedgerRows(AB), LedgerRows(Names(map(str, range(40))))
    for at in range(0, 120, 10):
        small.update(_op(AB, ("a", 1.0)), float(at))
        large.update(_op(large.names, ("7", 1.0)), float(at))
    assert small.nbytes() < large.nbytes() < 6000

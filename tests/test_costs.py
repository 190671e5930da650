"""What a bundle costs is measured with a clock that the test holds."""

from __future__ import annotations

import itertools
from dataclasses import replace

import msgspec

from gateway.costs import Stopwatch, measure
from gateway.policytests.traffic import sent
from gateway.stores.memory import MemoryStore
from gateway.traffic import Line
from tests.policytests.support import BUNDLE, COUNTING, PHRASES, one
from tests.policytests.test_run import TENANT
from tests.support import bundle


class Ticking:
    """A clock that goes on by a microsecond whenever it is read."""

    def __init__(self) -> None:
        self._times = itertools.count()

    def __call__(self) -> float:
        return next(self._times) * 1e-6


def lines(traffic: str) -> list[Line]:
    return [found.line for found in sent(one(traffic))]


def store() -> MemoryStore:
    return MemoryStore(100)


def test_what_the_stopwatch_itself_takes_is_taken_off() -> None:
    watch = Stopwatch(Ticking())
    assert watch.time("nothing", int, "7") == 7
    assert [(cost.name, round(cost.micros, 6)) for cost in watch.costs(1)] == [("nothing", 0.0)]


def test_time_is_added_up_by_name_and_divided_by_requests() -> None:
    clock = Ticking()
    watch = Stopwatch(clock)

    def slow() -> None:
        for _ in range(10):
            clock()

    for _ in range(4):
        watch.time("slow", slow)
    (cost,) = watch.costs(2)
    assert round(cost.micros, 6) == 20.0


def test_phases_stand_in_their_order_and_the_rest_by_cost() -> None:
    done: list[int] = []
    costs = measure(BUNDLE, lines("every: 1s, times: 5, prompt: alpha beta"), Ticking(), store, done.append)
    assert (costs.bundle, costs.requests, costs.skipped, sum(done)) == (BUNDLE.hash, 5, 0, 10)
    assert [cost.name for cost in costs.phases] == [
        "parse",
        "ask",
        "store",
        "decide",
        "admit",
        "study",
        "settle",
    ]
    assert {cost.name for cost in costs.signals} == {
        "counting.many",
        "counting.wide",
        "echoing.echo",
        "wordy.said",
    }
    assert {cost.name for cost in costs.patterns} == {"@phrases", "phrases.one", "phrases.two"}
    assert costs.total == sum(cost.micros for cost in costs.phases)


def test_a_signal_that_takes_long_stands_first() -> None:
    clock = Ticking()
    policies = bundle(COUNTING, PHRASES, TENANT)
    many = policies.policies[0].signals[0].detector
    read = type(many).read

    class Slow(type(many)):  # type: ignore[misc]  # a class made of a value's
        def __init__(self) -> None:
            self.__dict__.update(vars(many))

        def read(self, facts: object, readings: object) -> object:
            for _ in range(1000):
                clock()
            return read(many, facts, readings)  # type: ignore[arg-type]

    signal = policies.policies[0].signals[0]
    policy = replace(
        policies.policies[0], signals=(replace(signal, detector=Slow()), *policies.policies[0].signals[1:])
    )
    costs = measure(replace(policies, policies=(policy,)), lines("every: 1s, times: 3"), clock, store)
    assert costs.signals[0].name == "counting.many"
    assert round(costs.signals[0].micros) == 1000


def test_lines_that_are_no_requests_are_counted_and_left_out() -> None:
    found = lines("every: 1s, times: 2")
    broken = msgspec.structs.replace(found[0], request=msgspec.Raw(b"[]"))
    nowhere = msgspec.structs.replace(found[0], route="/nowhere")
    costs = measure(BUNDLE, [*found, broken, nowhere], Ticking(), store)
    assert (costs.requests, costs.skipped) == (2, 2)


def test_nothing_at_all_costs_nothing() -> None:
    costs = measure(BUNDLE, [], Ticking(), store)
    assert (costs.requests, costs.total, costs.phases) == (0, 0.0, ())

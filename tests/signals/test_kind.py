"""The kind of a principal: each rule has somebody whom it tells, and too little tells nothing."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fields import Workload
from gateway.model import Call, Measure, Parameters, Turn
from gateway.signals.kind import kind
from tests.signals.support import CHAT, bench, call
from tests.signals.test_profile import _words

TURNS = Turn("user", "Why?"), Turn("assistant", "Because"), Turn("user", "And then?")
LONG = "Answer the question of the customer from this page only. {} Be brief."
KINDS: tuple[Workload, ...] = get_args(Workload)


def _made(of: str, at: int) -> Call:
    if of == "agent":
        return Call(CHAT, turns=(Turn("user", _words(at, 9)),), parameters=Parameters(tools=3))
    if of == "person":
        return Call(CHAT, turns=TURNS) if at % 2 else call(_words(at, 9))
    if of == "now and then":
        return Call(CHAT, turns=TURNS) if at % 6 == 0 else call(_words(at, 9))
    if of == "evaluation":
        return call(_words(at % 10, 30))
    if of == "retrieval":
        return call(LONG.format(_words(at, 200)))
    if of == "batch":
        return call(LONG.format(_words(at, 20)))
    if of == "application":
        return Call(CHAT, turns=(Turn("system", "x" * 300), Turn("user", _words(at, 20))))
    return call(_words(at, 20))


@pytest.mark.parametrize(
    ("of", "told"),
    [
        ("agent", "agent"),
        ("person", "person"),
        ("now and then", "unknown"),
        ("evaluation", "evaluation"),
        ("retrieval", "retrieval"),
        ("batch", "batch"),
        ("application", "batch"),
        ("bare", "unknown"),
    ],
)
def test_each_kind_is_told_by_its_rule(of: str, told: Workload) -> None:
    signals = {name: bench("kind", {"of": [name], "min": 30}) for name in KINDS}
    for at in range(40):
        found = {name: signal.send(_made(of, at)) for name, signal in signals.items()}
    assert {name for name, measure in found.items() if measure and measure.value} == {told}


def test_nobody_has_a_kind_below_so_many_prompts() -> None:
    signal = bench("kind", {"of": ["unknown"], "min": 10})
    said = [signal.send(_made("agent", at)) for at in range(12)]
    assert said[0] == Measure(1.0, 0, note="kind: unknown")
    assert said[9] == Measure(1.0, 9, note="kind: unknown")
    assert said[11] == Measure(0.0, 11, note="kind: agent")


@given(st.lists(st.floats(0, 1e4), min_size=14, max_size=14))
def test_every_reading_has_one_kind(values: list[float]) -> None:
    values[0] = max(1.0, values[0])
    assert kind(values) in KINDS

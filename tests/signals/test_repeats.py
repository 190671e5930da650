"""Many answers to the same input: what counts as the same, and what counts as an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.fields import Facts
from gateway.model import Call, Client, Measure, Outcome, Principal, Turn
from gateway.signals.repeats import COARSE, inputs
from tests.signals.support import Bench, bench, call


def _run(calls: list[Call], minimum: int = 1) -> Measure | None:
    signal = bench("repeats", {"over": "24h", "min": minimum})
    for made in calls:
        signal.send(made)
    return signal.send(call("one more"))


def test_different_inputs_give_one_answer_each() -> None:
    assert _run([call(f"question {i}") for i in range(50)]) == Measure(1.0, 50)


def test_asking_again_and_asking_for_several_at_once_count_alike() -> None:
    assert _run([call("the same") for _ in range(20)]) == Measure(20.0, 20)
    assert _run([call("the same", n=4) for _ in range(5)]) == Measure(20.0, 5)


def test_a_sweep_over_rounds_is_seen_whatever_lies_between() -> None:
    rounds = [call(f"question {i}", temperature=t / 10) for t in range(8) for i in range(60)]
    assert _run(rounds) == Measure(8.0, 480)


def test_above_64_different_inputs_the_count_is_an_estimate() -> None:
    measure = _run([call(f"question {i}") for _ in range(4) for i in range(1000)])
    assert measure is not None
    assert measure.value == pytest.approx(4.0, rel=0.4)


def test_below_the_minimum_there_is_no_verdict() -> None:
    assert _run([call("the same")] * 9, minimum=10) is None
    assert _run([call("the same")] * 10, minimum=10) == Measure(10.0, 10)


def test_the_same_word_in_another_conversation_is_another_input() -> None:
    talks = [
        replace(
            call(),
            turns=(Turn("user", f"story {i}"), Turn("assistant", "once upon"), Turn("user", "go on")),
        )
        for i in range(10)
    ]
    assert _run(talks) == Measure(1.0, 10)


def test_the_prompts_of_a_list_are_inputs_of_their_own() -> None:
    different = replace(call(), prompts=3, turns=tuple(Turn("user", text) for text in "abc"))
    same = replace(call(), prompts=3, turns=(Turn("user", "a"),) * 3)
    assert _run([different]) == Measure(1.0, 3)
    assert _run([same]) == Measure(3.0, 3)


def test_pictures_of_another_size_are_another_input() -> None:
    pictures = [replace(call("What is this?"), size=10 * COARSE * i) for i in range(1, 9)]
    assert _run(pictures) == Measure(1.0, 8)


def test_an_input_without_text_is_not_counted() -> None:
    assert _run([call()] * 10) is None


def _settled(signal: Bench, status: int | None) -> int:
    made = call("the same")
    facts = Facts(made, Principal("p"), Client(), 0.0, fresh=made.turns)
    facts.outcome = Outcome(status)
    return len(signal.detector.settle(facts))


def test_a_retry_after_an_error_is_no_second_answer() -> None:
    signal = bench("repeats", {"over": "24h", "min": 1})
    assert [_settled(signal, status) for status in (200, None, 429, 500)] == [2, 2, 0, 0]


def test_an_unknown_outcome_counts_as_an_answer() -> None:
    signal = bench("repeats", {"over": "24h", "min": 1})
    made = call("the same")
    assert signal.detector.settle(Facts(made, Principal("p"), Client(), 0.0, fresh=made.turns))


def test_equal_windows_share_their_counters() -> None:
    one, other = (bench("repeats", {"over": over, "min": 5}) for over in ("1h", "60m"))
    assert one.detector.reads == other.detector.reads
    assert one.detector.reads != bench("repeats", {"over": "2h", "min": 5}).detector.reads


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(1, 5))
def test_doubling_traffic_never_lowers_the_number(which: list[int], n: int) -> None:
    once = _run([call(f"question {i}", n=n) for i in which])
    twice = _run([call(f"question {i}", n=n) for i in which for _ in range(2)])
    assert once is not None
    assert twice is not None
    assert twice.value == pytest.approx(2 * once.value)


@given(st.text(max_size=40), st.floats(0, 2), st.integers(0, 9))
def test_settings_make_no_other_input(text: str, temperature: float, seed: int) -> None:
    assert inputs(call(text)) == inputs(call(text, temperature=temperature, seed=seed))


def test_the_inputs_of_a_call_are_hashed_once_for_all_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Call] = []

    def note(made: Call) -> tuple[int, ...]:
        hashed.append(made)
        return (1,)

    monkeypatch.setattr("gateway.signals.repeats.inputs", note)
    facts = Facts(call("the same"), Principal("p"), Client(), 0.0)
    for over in ("1h", "2h"):
        assert bench("repeats", {"over": over, "min": 1}).detector.settle(facts)
    assert hashed == [facts.call]

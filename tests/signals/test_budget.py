"""The meter of what was given away: what counts as an answer, and what came again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.dialects import get
from gateway.fields import Facts
from gateway.model import Call, Client, Measure, Outcome, Principal, Turn, Usage
from gateway.signals.base import Detector
from gateway.stores.memory import MemoryStore
from gateway.usage import Meter
from tests.signals.support import Bench, bench, call, detector
from tests.support import LADDER, Drive, bundle, chat, policy

DAY = 86400.0


def usage(tokens: int) -> Usage:
    return Usage(input_tokens=10, output_tokens=tokens)


def meter(of: str = "answers", **options: str) -> Bench:
    return bench("budget", {"of": of, **options})


def total(signal: Bench) -> float:
    found = signal.send(call("another"), settle=False)
    return found.value if found else 0.0


def test_before_the_first_answer_there_is_no_verdict() -> None:
    assert meter().send(call("a"), usage(5)) is None


@pytest.mark.parametrize(("of", "found"), [("answers", 1200.0), ("output_tokens", 24_000.0)])
def test_a_harvest_that_repeats_nothing_is_counted_exactly(of: str, found: float) -> None:
    signal = meter(of)
    for number in range(1200):
        signal.send(call(f"task {number}"), usage(20))
    assert signal.send(call("one more")) == Measure(found, 1200)


def test_a_suite_that_is_run_every_night_is_one_suite() -> None:
    signal = meter()
    for night in range(10):
        signal.now = 3600.0 * night
        for number in range(40):
            signal.send(call(f"case {number}"), usage(20))
    assert total(signal) == pytest.approx(40.0, rel=0.02)


def test_several_answers_and_several_inputs_count_each() -> None:
    signal = meter()
    signal.send(call("a", n=4), usage(80))
    signal.send(replace(call(), prompts=3, turns=tuple(Turn("user", text) for text in "xyz")), usage(60))
    assert total(signal) == 7.0


def test_what_was_given_fades_by_half_in_a_half_life() -> None:
    signal = meter(half_life="7d")
    for number in range(100):
        signal.send(call(f"task {number}"), usage(20))
    signal.now = 7 * DAY
    assert total(signal) == pytest.approx(50.0)


def test_slow_and_fast_collectors_get_as_far() -> None:
    fast, slow = meter(half_life="2800d"), meter(half_life="2800d")
    for number in range(300):
        fast.send(call(f"task {number}"), usage(20))
        slow.now = number * 3600.0
        slow.send(call(f"task {number}"), usage(20))
    assert total(slow) == pytest.approx(total(fast), rel=0.01)


def _settled(made: Detector, outcome: Outcome | None) -> int:
    facts = Facts(call("a"), Principal("p"), Client(), 0.0)
    facts.outcome = outcome
    return len(made.settle(facts))


def test_errors_and_answers_without_tokens_count_nothing() -> None:
    made = detector("budget", {"of": "answers"})
    nothing = [None, Outcome(200), Outcome(200, usage(0)), Outcome(500, usage(9)), Outcome(429, usage(9))]
    assert [_settled(made, outcome) for outcome in nothing] == [0] * 5
    assert _settled(made, Outcome(None, usage(9), finished=False)) == 1


def test_an_answer_to_nothing_that_can_be_told_counts_nothing() -> None:
    signal = meter()
    signal.send(call(), usage(9))
    assert signal.send(call()) is None


def _streamed(signal: Bench, made: Call, pieces: int, finished: bool) -> None:
    """One answer as a stream of one-token pieces, metered as drivers do."""
    seen = Meter(get("openai_chat"))
    for _ in range(pieces):
        seen.see({"choices": [{"index": 0, "delta": {"content": "word "}}]})
    if finished:
        seen.see({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": pieces}})
    facts = Facts(made, Principal("p"), Client(), signal.now, fresh=made.turns)
    facts.outcome = Outcome(200, seen.usage(made, finished), finished)
    signal.store.apply([("p", signal.detector.settle(facts))], signal.now)


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=20))
def test_of_a_stream_counts_what_was_delivered_whether_it_broke_off_or_not(
    streams: list[tuple[int, bool]],
) -> None:
    answers, tokens = meter(), Bench(detector("budget", {"of": "output_tokens"}))
    for number, (pieces, finished) in enumerate(streams):
        for signal in (answers, tokens):
            # "word " is a little more than one token by its length.
            _streamed(signal, call(f"task {number}"), pieces, finished)
    assert total(answers) == sum(pieces > 0 for pieces, _ in streams)
    least = sum(pieces for pieces, _ in streams)
    assert least <= total(tokens) <= 1.25 * least + len(streams)


def test_a_stream_that_is_begun_anew_is_the_same_answer() -> None:
    signal = meter()
    for number in range(20):
        _streamed(signal, call(f"task {number}"), 5, finished=False)
        _streamed(signal, call(f"task {number}"), 30, finished=True)
    assert total(signal) == pytest.approx(20.0)


def test_both_amounts_of_one_half_life_share_a_counter() -> None:
    one, other = (detector("budget", {"of": of}) for of in ("answers", "output_tokens"))
    assert one.reads == other.reads
    assert one.reads != detector("budget", {"of": "answers", "half_life": "7d"}).reads


def test_the_meter_stands_in_the_decision_before_it_is_worth_a_point() -> None:
    signals = "signals:\n  given: {budget: {of: answers}, ramp: [1000, 50000], points: 5}\n"
    drive = Drive(bundle(policy(signals), ladder=LADDER))
    for number in range(30):
        drive.send(chat(f"task {number}"), usage(50))
    (score,) = drive.send(chat("one more")).signals
    assert (score.value, score.n, score.points) == (30.0, 30, 0.0)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60))
def test_more_traffic_never_lowers_the_meter(which: list[int]) -> None:
    signal = meter()
    before = 0.0
    for item in which:
        signal.send(call(f"task {item}"), usage(5))
        assert total(signal) >= before - 1e-9
        before = total(signal)


def test_state_is_small() -> None:
    store = MemoryStore(1)
    signal = Bench(detector("budget", {"of": "answers"}), store)
    for number in range(2000):
        signal.send(call(f"task {number}"), usage(5))
    assert store.nbytes("p") < 1600

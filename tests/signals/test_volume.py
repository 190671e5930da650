"""Counts, shares and numbers of different things in a window."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.fields import Facts
from gateway.model import Client, Distinct, Measure, Principal, Turn, Usage
from tests.signals.support import Bench, bench, call, detector

COUNTED = Usage(input_tokens=30, output_tokens=7, logprob_tokens=7)


def test_requests_count_at_arrival_with_this_call_included() -> None:
    signal = bench("count", {"of": "requests", "over": "1m"})
    assert [signal.send(settle=False) for _ in range(3)] == [Measure(1.0), Measure(2.0), Measure(3.0)]


def test_prompts_count_the_fan_out_of_one_request() -> None:
    signal = bench("count", {"of": "prompts", "over": "1m"})
    signal.send(replace(call(), prompts=5))
    assert signal.send() == Measure(6.0)


@pytest.mark.parametrize(
    ("of", "tokens"), [("input_tokens", 30), ("output_tokens", 7), ("logprob_tokens", 7)]
)
def test_tokens_count_after_the_answer(of: str, tokens: int) -> None:
    signal = bench("count", {"of": of, "over": "1h"})
    assert signal.send(usage=COUNTED) == Measure(0.0)
    assert signal.send(usage=None) == Measure(float(tokens))
    assert signal.send() == Measure(float(tokens))


def test_a_count_with_a_condition_counts_only_what_it_selects() -> None:
    signal = bench("count", {"of": "requests", "over": "1h", "where": {"request.echo": True}})
    signal.send(call(echo=True))
    assert signal.send(call()) == Measure(1.0)
    assert signal.send(call(echo=True)) == Measure(2.0)


def test_a_count_whose_condition_needs_the_answer_counts_at_the_end() -> None:
    where = {"usage.output_tokens": {"gte": 5}}
    signal = bench("count", {"of": "requests", "over": "1h", "where": where})
    assert signal.send(usage=COUNTED) == Measure(0.0)
    assert signal.send(usage=Usage(output_tokens=1)) == Measure(1.0)
    assert signal.send() == Measure(1.0)


@pytest.mark.parametrize(
    ("name", "options"), [("count", {"of": "requests"}), ("ratio", {"min": 1})], ids=["count", "ratio"]
)
def test_what_looks_into_the_prompt_counts_from_the_next_call_on(name: str, options: dict[str, Any]) -> None:
    where = {"prompt.user": {"contains": "x"}, "request.echo": False}
    signal = bench(name, {**options, "over": "1h", "where": where})
    first = signal.send(call("x"))
    assert first is None or first.value == 0
    assert signal.send(call("y")) == Measure(1.0)


def test_a_ratio_has_no_verdict_below_its_minimum() -> None:
    signal = bench("ratio", {"where": {"request.echo": True}, "over": "1h", "min": 3})
    assert signal.send(call(echo=True)) is None
    assert signal.send(call()) is None
    assert signal.send(call(echo=True)) == Measure(2 / 3, 3)


def test_a_ratio_among_openings_is_not_diluted_by_conversations() -> None:
    asked, answered = Turn("user", "x"), Turn("assistant", "y")
    chat = replace(call("x"), turns=(asked, answered, asked))
    signal = bench("ratio", {"where": {"request.echo": True}, "over": "1h", "min": 2, "among": "openings"})
    for made in (call("x", echo=True), chat, chat, chat, call("x", echo=True), chat):
        signal.send(made)
    assert signal.send(call("x")) == Measure(1.0, 2)
    assert signal.send(call("x")) == Measure(2 / 3, 3)


def test_a_ratio_whose_condition_needs_the_answer_counts_at_the_end() -> None:
    signal = bench("ratio", {"where": {"usage.output_tokens": {"gte": 5}}, "over": "1h", "min": 1})
    assert signal.send(usage=COUNTED) is None
    assert signal.send(usage=Usage()) == Measure(1.0, 1)
    assert signal.send() == Measure(0.5, 2)


ITEMS: list[tuple[str, Any]] = [
    ("prompts", lambda i: {"made": call(f"text {i}")}),
    ("models", lambda i: {"made": replace(call(), model=f"m{i}")}),
    ("bias_sets", lambda i: {"made": call(bias_set=i + 1)}),
    ("prompt_biases", lambda i: {"made": call(f"text {i % 2}", bias_set=i // 2 + 1)}),
    ("end_users", lambda i: {"made": replace(call(), end_user=f"u{i}")}),
    ("user_agents", lambda i: {"client": Client(user_agent=f"a{i}")}),
    ("client_ips", lambda i: {"client": Client(ip=f"10.0.0.{i}")}),
    ("temperatures", lambda i: {"made": call(temperature=i / 4)}),
]


@pytest.mark.parametrize(("of", "make"), ITEMS)
def test_different_things_are_counted_once_each_from_the_next_call_on(of: str, make: Any) -> None:
    signal = bench("distinct", {"of": of, "over": "1h"})
    for i in (0, 1, 2, 1, 0):
        signal.send(**make(i))
    assert signal.send(**make(0)) == Measure(3.0)


def test_different_things_may_be_counted_per_other() -> None:
    signal = bench("distinct", {"of": "prompt_biases", "per": "prompts", "over": "1h", "min": 4})
    assert signal.detector.fields == {"prompt.user", "request.logit_bias"}
    for bias_set in (1, 2, 3):
        assert signal.send(call("one", bias_set=bias_set)) is None
    # Other prompts without a map say nothing of maps per prompt.
    assert signal.send(call("other")) is None
    assert signal.send(call("two", bias_set=1)) is None
    assert signal.send(call("two", bias_set=1)) == Measure(2.0)


def test_an_honest_program_has_one_bias_map_per_prompt_however_many_it_sends() -> None:
    signal = bench("distinct", {"of": "prompt_biases", "per": "prompts", "over": "24h"})
    for i in range(3_000):
        signal.send(call(f"text {i}", bias_set=7))
    last = signal.send(call("text", bias_set=7))
    assert last is not None
    assert last.value == pytest.approx(1.0, abs=0.4)


@pytest.mark.parametrize("of", ["systems", "temperatures", "prompt_biases"])
def test_what_a_call_does_not_have_is_not_counted(of: str) -> None:
    signal = bench("distinct", {"of": of, "over": "1h"})
    signal.send()
    assert signal.send() == Measure(0.0)


def test_a_temperature_is_counted_by_its_value() -> None:
    signal = bench("distinct", {"of": "temperatures", "over": "1h"})
    signal.send(call(temperature=1))
    signal.send(call(temperature=1.0))
    assert signal.send() == Measure(1.0)


def test_a_distinct_count_with_a_condition_counts_only_what_it_selects() -> None:
    signal = bench("distinct", {"of": "prompts", "over": "1h", "where": {"request.echo": True}})
    signal.send(call("one", echo=True))
    signal.send(call("two"))
    assert signal.send() == Measure(1.0)


def test_a_distinct_count_whose_condition_needs_the_answer_counts_at_the_end() -> None:
    where = {"usage.output_tokens": {"gte": 5}}
    signal = bench("distinct", {"of": "prompts", "over": "1h", "where": where})
    signal.send(call("one"), usage=COUNTED)
    signal.send(call("two"), usage=COUNTED, settle=False)
    assert signal.send() == Measure(1.0)


def test_equal_questions_share_a_counter_and_different_ones_do_not() -> None:
    def key(options: dict[str, Any], population: str = "principal") -> str:
        return detector("count", options, population).reads[0].key

    hour = key({"of": "requests", "over": "1h"})
    assert key({"of": "requests", "over": "60m"}) == hour
    assert key({"of": "requests", "over": "2h"}) != hour
    assert key({"of": "prompts", "over": "1h"}) != hour
    assert key({"of": "requests", "over": "1h", "where": {"request.echo": True}}) != hour
    assert key({"of": "requests", "over": "1h"}, "org") != hour


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_doubling_traffic_never_lowers_a_count_or_changes_a_ratio(hits: list[bool]) -> None:
    def run(times: int, made: Bench) -> Measure | None:
        last = None
        for hit in hits:
            for _ in range(times):
                last = made.send(call(echo=hit))
        return last

    where = {"request.echo": True}
    once = run(1, bench("count", {"of": "requests", "over": "1h", "where": where}))
    twice = run(2, bench("count", {"of": "requests", "over": "1h", "where": where}))
    assert once is not None
    assert twice is not None
    assert twice.value == 2 * once.value
    share = run(1, bench("ratio", {"where": where, "over": "1h", "min": 1}))
    again = run(2, bench("ratio", {"where": where, "over": "1h", "min": 1}))
    assert share is not None
    assert again is not None
    assert again.value == pytest.approx(share.value)


def test_two_counters_of_one_text_count_the_same_item() -> None:
    made = call("the same words")
    facts = Facts(made, Principal("p"), Client(), 0.0, fresh=made.turns)
    hourly, daily = (detector("distinct", {"of": "prompts", "over": over}) for over in ("1h", "24h"))
    (one,), (other,) = hourly.enter(facts), daily.enter(facts)
    assert isinstance(one, Distinct)
    assert isinstance(other, Distinct)
    assert one.items == other.items

"""How many kinds of tasks are asked for: one program asks for one, whoever collects asks for all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fields import Facts
from gateway.model import Call, Client, Measure, Principal, Turn
from gateway.patterns import Pattern, PatternSet
from tests.signals.support import CHAT, bench, call, detector

KINDS = PatternSet(
    "kinds", {"list": Pattern("(?i)list"), "name": Pattern("(?i)name"), "why": Pattern("(?i)why")}
)
OPTIONS = {"of": "@kinds", "over": "7d", "min": 4}


def _after(*prompts: str) -> Measure | None:
    signal = bench("variety", OPTIONS, KINDS)
    for prompt in prompts:
        signal.send(call(prompt))
    return signal.send(call("the end"))


def test_prompts_of_one_kind_have_no_variety_however_many() -> None:
    assert _after(*["List five rivers."] * 50) == Measure(0.0, 50)


def test_two_prompts_of_different_kinds_differ_in_both() -> None:
    assert _after(*["List five rivers.", "Why is it cold?"] * 50) == Measure(1.0, 100)


def test_a_kind_that_is_in_all_prompts_adds_nothing() -> None:
    assert _after(*["List and name them.", "List them: why?"] * 50) == Measure(1.0, 100)


def test_variety_among_openings_does_not_hear_conversations() -> None:
    signal = bench("variety", {**OPTIONS, "among": "openings"}, KINDS)
    for _ in range(6):
        signal.send(call("List five rivers."))
        turns = (Turn("user", "List"), Turn("assistant", "Rhine"), Turn("user", "Why?"))
        signal.send(Call(CHAT, turns=turns))
    assert signal.send(call("the end")) == Measure(0.0, 6)


def test_no_verdict_below_so_many_prompts_and_none_for_calls_without_text() -> None:
    assert _after("List", "Why", "Name") is None
    assert _after("List", "", "Why", "", "Name") is None
    assert _after("List", "Why", "Name", "Name") is not None


def test_only_the_edges_of_a_long_prompt_are_read() -> None:
    hidden = "x " * 2000 + "list" + " y" * 2000
    assert _after(*[hidden, "nothing"] * 10) == Measure(0.0, 20)


@given(st.lists(st.sampled_from(["list", "why", "name", "list why", "none"]), min_size=4, max_size=30))
def test_it_is_the_mean_over_all_pairs_of_prompts(prompts: list[str]) -> None:
    kinds = [{name for name in KINDS.patterns if name in prompt} for prompt in prompts]
    pairs = [len(one ^ other) for one in kinds for other in kinds]
    found = _after(*prompts)
    assert found is not None
    assert found.value == pytest.approx(sum(pairs) / len(pairs))


def test_signals_of_the_same_kinds_share_one_count() -> None:
    one, other = detector("variety", OPTIONS, "p", KINDS), detector("variety", OPTIONS, "p", KINDS)
    made = call("List them.")
    facts = Facts(made, Principal("p"), Client(), 0.0, fresh=made.turns)
    assert one.study(facts, ()) is other.study(facts, ())


def test_another_kind_in_the_set_makes_another_counter() -> None:
    more = PatternSet("kinds", {**KINDS.patterns, "where": Pattern("where")})
    assert (
        detector("variety", OPTIONS, "p", KINDS).reads[0].key
        != detector("variety", OPTIONS, "p", more).reads[0].key
    )

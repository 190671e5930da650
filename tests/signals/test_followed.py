"""Who comes back on what he asked: conversations that go on, and those that nobody reads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Call, Measure, Turn
from tests.signals.support import CHAT, Bench, bench

QUIZ = {"prompt.edges": {"contains": "quiz"}}


def _call(*texts: str, system: str = "") -> Call:
    """A conversation of user and assistant in turns, the user first."""
    turns = tuple(Turn("assistant" if at % 2 else "user", text) for at, text in enumerate(texts))
    return Call(CHAT, turns=(*((Turn("system", system),) if system else ()), *turns))


def _followed(**more: Any) -> Bench:
    return bench("followed", {"over": "1d", "min": 2, **more})


def _after(signal: Bench, *calls: Call) -> Measure | None:
    for made in calls:
        signal.send(made)
    return signal.send(_call("the end"))


def test_who_reads_no_answer_is_told_from_who_does() -> None:
    assert _after(_followed(), *[_call(f"ask {at}") for at in range(8)]) == Measure(0.0, 8)
    people = [_call("ask"), _call("ask", "answer", "more")] * 8
    assert _after(_followed(), *people) == Measure(1.0, 8)


def test_later_turns_do_not_count_again_and_a_prefill_is_no_answer() -> None:
    talk = [_call("a"), _call("a", "b", "c"), _call("a", "b", "c", "d", "e"), _call("f", "prefill")]
    assert _after(_followed(), *talk) == Measure(0.5, 2)


def test_no_verdict_below_so_many_conversations_and_no_more_than_all() -> None:
    assert _after(_followed(), _call("a"), _call("a", "b", "c")) is None
    assert _after(_followed(), _call("a"), *[_call("a", "b", "c")] * 5, _call("d")) == Measure(1.0, 2)


def test_a_conversation_is_judged_by_its_first_turn() -> None:
    own = [_call(f"a quiz about {at}") for at in range(6)]
    others = [_call("hello"), _call("hello", "hi", "what is a quiz?")] * 20
    assert _after(_followed(where=QUIZ), *own, *others) == Measure(0.0, 6)
    teacher = [_call("a quiz, please"), _call("a quiz, please", "Here", "make it harder")] * 6
    assert _after(_followed(where=QUIZ), *own, *teacher) == Measure(0.5, 12)


def test_the_system_prompt_belongs_to_the_first_turn() -> None:
    where = {"prompt.system": {"contains": "quiz"}}
    first, second = _call("rivers", system="quiz maker"), _call("rivers", "1.", "more", system="quiz maker")
    assert _after(_followed(where=where), first, first, second) == Measure(0.5, 2)


def test_a_call_that_begins_with_an_answer_has_no_first_turn_of_the_user() -> None:
    greeted = Call(CHAT, turns=(Turn("assistant", "Hello, a quiz?"), Turn("user", "a quiz")))
    assert _after(_followed(where=QUIZ), *[_call("a quiz")] * 2, greeted) == Measure(0.0, 2)


def test_a_condition_on_the_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="reads the answer"):
        _followed(where={"usage.output_tokens": {"gte": 5}})


@given(st.lists(st.booleans(), min_size=2, max_size=12), st.integers(0, 12))
def test_other_conversations_take_nothing_away(goes_on: list[bool], others: int) -> None:
    own = [made for on in goes_on for made in [_call("a quiz"), *[_call("a quiz", "b", "c")] * on]]
    between = [_call("hello"), _call("hello", "hi", "you?")] * others
    alone, mixed = _followed(where=QUIZ), _followed(where=QUIZ)
    assert _after(alone, *own) == _after(mixed, *between, *own, *between)

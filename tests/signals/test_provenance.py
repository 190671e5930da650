"""What comes back of earlier answers: known again under any wrapper, and forgotten in time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Call, Measure, Turn
from gateway.signals.provenance import EACH, KEPT, sentences
from tests.signals.support import CHAT, Bench, bench, call

ASKED = "Please tell me at length about topic number {}."
ANSWER = "The {0} harbour was built by sailors from {0}. Its lighthouse of {0} shines over the bay at night."
OPTIONS = {"over": "24h", "min": 1}
NAMES = [f"{first}{second}a" for first in "bcdfghjklmnpqrstvwxz" for second in "aeiou"]


def value(signal: Bench, *texts: tuple[str, str]) -> Measure | None:
    """What is read after these prompts with their answers."""
    for text, answer in texts:
        signal.send(call(text), answer=answer)
    return signal.send(call(ASKED))


def test_an_answer_that_comes_back_in_the_next_prompt_is_known() -> None:
    first, second = ANSWER.format("Lisboa"), ANSWER.format("Odense")
    wrapped = f"Rewrite this so that it is harder:\n\n> {first.upper()}\n\nThanks."
    assert value(bench("provenance", OPTIONS), (ASKED, first), (wrapped, second)) == Measure(0.5, 2)


def test_a_part_of_it_is_known_wherever_it_was_cut() -> None:
    for part in ANSWER.format("Lisboa").split(". "):
        assert value(bench("provenance", OPTIONS), (ASKED, ANSWER.format("Lisboa")), (part, "")) == Measure(
            0.5, 2
        )


def test_whoever_asks_new_things_brings_nothing_back() -> None:
    texts = ((ASKED, ANSWER.format(name)) for name in NAMES[:20])
    assert value(bench("provenance", OPTIONS), *texts) == Measure(0.0, 20)


def test_a_template_that_the_model_echoes_is_not_an_answer() -> None:
    echo = "You are to write the caption under a picture of the sea."
    texts = [(f"{echo} {name}", f"{echo} {name}: waves.") for name in NAMES[:10]]
    assert value(bench("provenance", OPTIONS), *texts) == Measure(0.0, 10)


def test_declared_history_is_not_sent_back() -> None:
    signal = bench("provenance", OPTIONS)
    signal.send(call(ASKED), answer=ANSWER.format("Lisboa"))
    turns = (Turn("user", ASKED), Turn("assistant", ANSWER.format("Lisboa")), Turn("user", "And then?"))
    signal.send(Call(CHAT, turns=turns))
    assert signal.send(call(ASKED)) == Measure(0.0, 2)


def test_a_reworded_answer_is_not_seen() -> None:
    reworded = "Sailors out of Lisboa made the port there. At night a light stands above its bay."
    assert value(bench("provenance", OPTIONS), (ASKED, ANSWER.format("Lisboa")), (reworded, "")) == Measure(
        0.0, 2
    )


def test_there_is_no_verdict_below_so_many_prompts_and_none_counts_without_user_text() -> None:
    signal = bench("provenance", {"over": "24h", "min": 2})
    assert signal.send(call(ASKED)) is None
    signal.send(Call(CHAT, turns=(Turn("system", ASKED),)))
    assert signal.send(call(ASKED)) is None
    assert signal.send(call(ASKED)) == Measure(0.0, 2)


def test_a_call_that_was_never_answered_leaves_nothing() -> None:
    signal = bench("provenance", OPTIONS)
    signal.send(call(ASKED), settle=False)
    assert signal.send(call(ASKED), answer="Yes.") == Measure(0.0, 1)
    assert signal.store.nbytes("p") < 700


@pytest.mark.parametrize(("between", "known"), [(KEPT // 2 - 1, True), (KEPT // 2, False)])
def test_the_oldest_answers_are_forgotten_first(between: int, known: bool) -> None:
    first = ANSWER.format("Lisboa")
    others = [(ASKED, ANSWER.format(name)) for name in NAMES[:between]]
    found = value(bench("provenance", OPTIONS), (ASKED, first), *others, (first, ""))
    assert found is not None
    assert (found.value > 0.0) is known


@given(st.lists(st.tuples(st.text(max_size=400), st.text(max_size=4000)), max_size=30))
def test_whatever_is_said_the_state_is_bounded_and_the_share_a_share(said: list[tuple[str, str]]) -> None:
    signal = bench("provenance", OPTIONS)
    found = value(signal, *said)
    assert found is None or 0.0 <= found.value <= 1.0
    assert signal.store.nbytes("p") < 2048


def test_a_long_answer_leaves_so_many_sentences_and_no_more() -> None:
    signal = bench("provenance", OPTIONS)
    signal.send(call(ASKED), answer="\n".join(ANSWER.format(name) for name in NAMES[:20]))
    (readings,) = signal.store.apply([("p", signal.detector.reads)], 0.0)
    assert len(readings[1].data) == 4 * EACH


@given(st.text(), st.text())
def test_a_sentence_is_the_same_alone_and_among_others(one: str, other: str) -> None:
    assert sentences(one) <= sentences(f"{one}\n\n{other}")

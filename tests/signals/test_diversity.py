"""How prompts relate to each other: sketches, skeletons, slots, near-duplicates."""

from __future__ import annotations

import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fields import Facts
from gateway.model import Client, Measure, Principal, Turn
from gateway.signals.diversity import KEPT, SKETCH, observe, similarity, sketch, tokens
from tests.signals.support import Bench, bench, call

WORDS = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in "prstvxz"]


def _words(seed: int, n: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=n))


def _run(signal: Bench, texts: list[str]) -> Measure | None:
    last = None
    for text in texts:
        last = signal.send(call(text))
    return last


def _metric(metric: str, minimum: int = 20) -> Bench:
    return bench("diversity", {"metric": metric, "over": "6h", "min": minimum})


TEMPLATE = "You are given a task. Read the passage below with care and answer in one word only. Passage: {}"


def test_one_template_with_ever_new_slots_is_a_sweep() -> None:
    last = _run(_metric("sweep"), [TEMPLATE.format(_words(i, 20)) for i in range(60)])
    assert last is not None
    assert last.value > 0.9


def test_free_text_is_no_sweep() -> None:
    assert _run(_metric("sweep"), [_words(i, 30) for i in range(60)]) == Measure(0.0, 59)


def test_a_finite_suite_that_repeats_is_no_sweep() -> None:
    texts = [TEMPLATE.format(_words(i % 5, 20)) for i in range(60)]
    last = _run(_metric("sweep"), texts)
    assert last is not None
    assert last.value < 0.1


def test_a_repeated_prompt_is_a_near_duplicate_and_like_the_one_before() -> None:
    text = _words(1, 40)
    assert _run(_metric("near_duplicate_share"), [text] * 40) == Measure(38 / 39, 39)
    assert _run(_metric("consecutive_similarity"), [text] * 40) == Measure(38 / 39, 39)


def test_a_small_edit_is_a_near_duplicate_and_another_text_is_not() -> None:
    base = _words(1, 80)
    edited = [base + f" word{'abcdefghij'[i % 10]}" for i in range(30)]
    near = _run(_metric("near_duplicate_share"), edited)
    assert near is not None
    assert near.value > 0.9
    assert _run(_metric("near_duplicate_share"), [_words(i, 80) for i in range(30)]) == Measure(0.0, 29)


def test_numbers_count_alike_and_letter_case_does_not_matter() -> None:
    assert sketch("Add 12 and 345 to x") == sketch("add 7 AND 8 to X")


@given(st.text("abcXYZ 019_'-.,\n", max_size=80))
def test_the_fast_path_for_ascii_finds_the_same_words(text: str) -> None:
    assert tokens(text) == tokens(f"{text} é")[:-1]


def test_scripts_without_spaces_are_read_by_character() -> None:
    assert len(sketch("请详细解释这个数学问题的推理过程")) == 14
    assert similarity(sketch("请详细解释这个数学问题"), sketch("请详细解释这个物理问题")) > 0.3


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("?!", 0), ("one", 1), ("one two", 1), ("one two three", 1)]
)
def test_short_texts_have_small_sketches(text: str, size: int) -> None:
    assert len(sketch(text)) == size


def test_prompts_without_words_are_not_counted() -> None:
    assert _run(_metric("sweep", 1), ["?!", "..."]) is None


def test_a_long_text_is_read_at_both_ends() -> None:
    middle_differs = [_words(1, 600) + " " + _words(seed, 3000) + " " + _words(2, 600) for seed in (3, 4)]
    assert similarity(sketch(middle_differs[0]), sketch(middle_differs[1])) == 1.0


@given(st.text(max_size=300), st.text(max_size=300))
def test_similarity_is_symmetric_and_one_only_for_equal_sketches(one: str, other: str) -> None:
    a, b = sketch(one), sketch(other)
    assert similarity(a, b) == similarity(b, a)
    assert 0.0 <= similarity(a, b) <= 1.0
    assert (similarity(a, b) == 1.0) == (a == b != ())


def test_nothing_is_observed_without_an_earlier_prompt() -> None:
    assert observe((1, 2), b"") == observe((), bytes(128)) == (0.0, 0.0, 0.0)


def test_two_metrics_over_one_window_share_their_counters() -> None:
    sweep, near = _metric("sweep"), _metric("near_duplicate_share")
    assert sweep.detector.reads == near.detector.reads


def test_a_call_is_sketched_once_for_all_metrics() -> None:
    signal = _metric("sweep")
    facts = Facts(
        call("one two three"), Principal("p"), Client(), 0.0, fresh=(Turn("user", "one two three"),)
    )
    (readings,) = signal.store.apply([("p", signal.detector.reads)], 0.0)
    first = signal.detector.study(facts, readings)
    assert _metric("near_duplicate_share").detector.study(facts, readings) == first


def test_state_is_bounded_and_stated() -> None:
    signal = _metric("sweep")
    _run(signal, [_words(i, 200) for i in range(3 * KEPT)])
    ring = signal.store.apply([("p", signal.detector.reads[1:])], 0.0)[0][0].data
    assert len(ring) == KEPT * SKETCH * array("i").itemsize == 4096

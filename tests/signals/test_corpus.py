"""Prompts from public collections: what is found, what counts, and what worked examples do not do."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.corpora import Corpus, Origin, build
from gateway.fields import Facts
from gateway.model import Client, Measure, Principal, Reading
from gateway.signals.corpus import KEPT
from tests.signals.support import Bench, call, detector

WORDS = [
    "amber",
    "basil",
    "cedar",
    "daisy",
    "ember",
    "fern",
    "grape",
    "hazel",
    "iris",
    "juniper",
    "kelp",
    "lilac",
    "maple",
    "nettle",
    "olive",
    "poppy",
]
PUBLIC = [f"How many {one} leaves does a {other} gardener keep" for one in WORDS for other in WORDS]


def pack(name: str, items: list[str]) -> Corpus:
    return build(Origin(name, name, "MIT", "-", 0), items, common=1)


EVEN, ODD = pack("even", PUBLIC[::2]), pack("odd", PUBLIC[1::2])


def bench(minimum: int = 1, packs: Sequence[str] = ("even", "odd"), **options: str) -> Bench:
    said = {"in": [*packs], "over": "24h", "min": minimum} | options
    return Bench(detector("corpus", said, "principal", EVEN, ODD))


def seen(signal: Bench, *texts: str) -> Measure | None:
    for text in texts:
        signal.send(call(text))
    return signal.send(call())


def test_a_sweep_of_a_collection_is_found() -> None:
    assert seen(bench(), *PUBLIC[:40]) == Measure(1.0, 40)


def test_prompts_of_ones_own_are_not() -> None:
    assert seen(
        bench(), *(f"please look at my letter number {i} to the {w} office" for i, w in enumerate(WORDS))
    ) == (Measure(0.0, 16))


def test_only_the_packs_named_are_looked_into() -> None:
    assert seen(bench(packs=["odd"]), *PUBLIC[:40]) == Measure(0.5, 40)


def test_the_number_found_can_be_asked_for() -> None:
    own = [f"please look at my letter to the {word} office" for word in WORDS]
    assert seen(bench(metric="found"), *PUBLIC[:30], *own) == Measure(30.0, 46)


def test_below_the_minimum_there_is_no_verdict() -> None:
    assert seen(bench(20), *PUBLIC[:19]) is None
    assert seen(bench(20), *PUBLIC[:20]) == Measure(1.0, 20)


def test_worked_examples_at_the_head_of_every_prompt_do_not_count() -> None:
    head = ". ".join(PUBLIC[:16])
    own = [f"{head}. And what about the {word} thing in my garden" for word in WORDS]
    assert seen(bench(), *own) == Measure(1.0, 1)


def test_a_new_problem_behind_worked_examples_counts() -> None:
    head = ". ".join(PUBLIC[:16])
    assert seen(bench(), *(f"{head}. {one}" for one in PUBLIC[20:40])) == Measure(1.0, 20)


def test_what_is_repeated_stays_known_whatever_comes_between() -> None:
    signal = bench()
    for at in range(1, 100):
        signal.send(call(PUBLIC[0]))
        signal.send(call(PUBLIC[at]))
    assert seen(signal) == Measure(1.0, 100)
    assert seen(signal, *PUBLIC[100 : 100 + KEPT], PUBLIC[0]) == Measure(1.0, 100 + KEPT + 1)


def test_a_call_without_new_text_counts_nothing() -> None:
    assert seen(bench(), "", "") is None


def test_the_window_forgets() -> None:
    signal = bench()
    seen(signal, *PUBLIC[:10])
    signal.now = 2 * 86400.0
    assert seen(signal) is None


def test_two_signals_of_one_call_cut_its_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[str] = []

    def note(text: str) -> list[int]:
        cut.append(text)
        return []

    monkeypatch.setattr("gateway.signals.corpus.fingerprints", note)
    made = call(PUBLIC[0])
    facts = Facts(made, Principal("p"), Client(), 0.0, fresh=made.turns)
    for signal in (bench(), bench(packs=["odd"])):
        signal.detector.study(facts, (Reading((0.0,) * 3), Reading()))
    assert cut == [PUBLIC[0]]


def test_another_content_makes_another_counter_and_another_order_does_not() -> None:
    made = detector("corpus", {"in": ["even"], "over": "1h", "min": 1}, "principal", EVEN)
    changed = detector("corpus", {"in": ["even"], "over": "1h", "min": 1}, "principal", pack("even", PUBLIC))
    assert made.reads != changed.reads
    one, other = (bench(packs=names) for names in (["even", "odd"], ["odd", "even", "odd"]))
    assert one.detector.reads == other.detector.reads


@given(st.lists(st.integers(0, 15), min_size=1, max_size=40), st.booleans())
def test_doubling_traffic_never_lowers_the_number(which: list[int], at_once: bool) -> None:
    once = seen(bench(), *(PUBLIC[at] for at in which))
    again = [at for at in which for _ in range(2)] if at_once else which + which
    assert once is not None
    assert seen(bench(), *(PUBLIC[at] for at in again)) == once

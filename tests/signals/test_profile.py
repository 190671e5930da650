"""What kind of work it is: each number of a profile tells apart what it is there to tell apart."""

from __future__ import annotations

import random
from unittest.mock import Mock

import pytest

from gateway.fields import Facts
from gateway.model import Call, Client, Measure, Parameters, Principal, Turn
from gateway.signals import profile as module
from tests.signals.support import CHAT, Bench, bench, call

WORDS = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in "prstvxz"]


def _words(seed: int, n: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=n))


def _profile(metric: str, minimum: int = 5) -> Bench:
    return bench("profile", {"metric": metric, "min": minimum})


def _after(metric: str, calls: list[Call]) -> float:
    signal = _profile(metric)
    for made in calls:
        signal.send(made)
    last = signal.send(call("the end"))
    assert last is not None
    assert last.n == len(calls)
    return last.value


def test_no_verdict_below_so_many_prompts_and_the_own_call_counts_from_the_next_on() -> None:
    signal = _profile("hurried", 2)
    assert signal.send(call("one")) is None
    assert signal.send(call("Two")) is None
    assert signal.send(call("three")) == Measure(0.5, 2)


def test_conversations_replay_answers_and_a_prefill_is_none() -> None:
    asked, answered = Turn("user", "Why?"), Turn("assistant", "Because")
    chat = Call(CHAT, turns=(asked, answered, asked))
    prefilled = Call(CHAT, turns=(asked, answered))
    assert _after("replied", [chat, prefilled, chat, prefilled] * 2) == 0.5


def test_a_profile_of_openings_is_another_and_hears_no_conversation() -> None:
    typed = Call(CHAT, turns=(Turn("user", "hi"), Turn("assistant", "Hello"), Turn("user", "so what")))
    openings = bench("profile", {"metric": "hurried", "among": "openings", "min": 5})
    for _ in range(6):
        openings.send(call("Name it."))
        openings.send(typed)
    assert openings.send(call("the end")) == Measure(0.0, 6)
    assert _after("hurried", [call("Name it."), typed] * 3) == 0.5
    assert openings.detector.reads != _profile("hurried").detector.reads


def test_a_call_is_worked_out_once_for_both_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    work_out = Mock(wraps=module.observe)
    monkeypatch.setattr(module, "observe", work_out)
    of_all, of_openings = (
        _profile("words"),
        bench("profile", {"metric": "words", "among": "openings", "min": 5}),
    )
    made = call("one two three")
    facts = Facts(made, Principal("p"), Client(), 0.0, fresh=made.turns)
    (mine,), (theirs,) = of_all.detector.study(facts, []), of_openings.detector.study(facts, [])
    work_out.assert_called_once()
    assert mine.key != theirs.key
    assert of_all.detector.study(facts, []) == (mine,)


def test_words_are_counted_of_long_prompts_too() -> None:
    assert _after("words", [call("one two three")] * 8) == 3.0
    assert _after("words", [call("four " * 2000)] * 8) == pytest.approx(2000, rel=0.01)


def test_lengths_of_people_spread_and_those_of_a_data_set_do_not() -> None:
    even = [call(_words(i, 20)) for i in range(30)]
    uneven = [call(_words(i, 2 if i % 2 else 400)) for i in range(30)]
    assert _after("spread", even) == 0.0
    assert _after("spread", uneven) > 1.5


def test_small_letters_tell_who_types() -> None:
    assert _after("hurried", [call("can you"), call("Can you"), call(" can"), call("")] * 4) == 0.5


def test_a_system_prompt_is_measured_in_characters_and_tools_by_calls_that_offer_them() -> None:
    made = Call(CHAT, turns=(Turn("system", "x" * 100), Turn("user", "Go")), parameters=Parameters(tools=2))
    assert _after("system", [made, call("Go")] * 10) == 50.0
    assert _after("tools", [made, call("Go")] * 10) == 0.5


TEMPLATE = "You are given a task. Read the passage below with care and answer in one word only. Passage: {}"


def test_a_template_frames_and_free_text_does_not() -> None:
    filled = [call(TEMPLATE.format(_words(i, 20))) for i in range(60)]
    free = [call(_words(i, 30)) for i in range(60)]
    for metric, least in (("framed", 0.9), ("skeleton", 0.3), ("similarity", 0.2)):
        assert _after(metric, filled) > least
        assert _after(metric, free) < 0.05


def test_the_frame_is_as_long_as_the_template_and_not_as_what_fills_it() -> None:
    for size in (20, 200):
        filled = [call(TEMPLATE.format(_words(i, size))) for i in range(60)]
        assert 10 < _after("frame", filled) < 30
    assert _after("frame", [call(_words(i, 30)) for i in range(60)]) < 2


def test_a_finite_suite_repeats_and_a_harvest_does_not() -> None:
    assert _after("repeats", [call(_words(i % 10, 20)) for i in range(60)]) == pytest.approx(1 - 10 / 60)
    assert _after("repeats", [call(_words(i, 20)) for i in range(60)]) == 0.0


def test_calls_without_text_relate_to_nothing() -> None:
    assert _after("skeleton", [call("")] * 8) == 0.0


def test_all_numbers_of_the_same_calls_share_one_summary() -> None:
    one, other = _profile("words").detector, _profile("framed").detector
    assert one.reads == other.reads
    made = call("Go")
    facts = Facts(made, Principal("p"), Client(), 0.0, fresh=made.turns)
    assert one.study(facts, ()) is other.study(facts, ())

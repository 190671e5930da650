"""Marking by choosing: of several answers the one that goes best with the key, where that harms nobody."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from gateway.actions.base import Action
from gateway.dialects.base import Object
from gateway.marks.greenlist import GreenEvidence
from gateway.model import Principal
from tests.actions.helpers import SPEAKING, action, call, edited, editor, named
from tests.actions.test_watermark import CHAT, RING, WORDS

KEY = RING.epochs[0].key("key_1")


def selecting(**options: Any) -> Action:
    made = action("select", tokens="words", **options).prepare({"words": WORDS})
    return made.keyed(Principal("key_1"), RING, 0.0)


def going_with(lean: int) -> str:
    """Words of the pairs: all those that the key prefers, or all others."""
    return "so " + " ".join(
        pair[coin ^ lean].text for pair, coin in zip(WORDS.pairs, WORDS.coins(KEY), strict=True)
    )


def answer(*texts: str) -> Object:
    choices: Any = [
        {"index": at, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for at, text in enumerate(texts)
    ]
    return {"id": "x", "choices": choices, "usage": {"prompt_tokens": 5, "completion_tokens": 60}}


@pytest.mark.parametrize(
    "more", [{}, {"n": 1}, {"n": None}, {"n_cmpl": 1}, {"best_of": 1}, {"max_tokens": 16}]
)
def test_several_answers_are_asked_for(more: Object) -> None:
    body: Object = {**CHAT, **more}
    sent = edited(selecting(), body)
    assert sent is not None
    assert sent["n"] == 4
    assert "n_cmpl" not in sent
    assert edited(selecting(of=2), body) == {**sent, "n": 2}


def test_only_routes_with_several_answers_are_marked() -> None:
    body: Object = {"model": "m-1"}
    marked = {name for name in SPEAKING if edited(selecting(), body, name) is not None}
    assert marked == {"openai_chat", "openai_completions"}


@pytest.mark.parametrize(
    "more",
    [
        {"stream": True},
        {"n": 2},
        {"n": "2"},
        {"best_of": 3},
        {"logprobs": True},
        {"tools": [{"type": "function"}]},
        {"response_format": {"type": "json_object"}},
        {"max_tokens": 15},
        {"model": "n-1"},
    ],
)
def test_what_a_mark_could_harm_or_show_in_is_left_alone(more: Object) -> None:
    body: Object = {**CHAT, **more}
    assert edited(selecting(), body) is None
    assert selecting().editor(call(body), named("openai_chat"), body) is None


def test_several_prompts_at_once_are_left_alone() -> None:
    assert edited(selecting(), {"model": "m-1", "prompt": ["a", "b"]}, "openai_completions") is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_answer_that_goes_best_with_the_key_is_given_as_the_only_one(place: int) -> None:
    texts = [going_with(1), "", going_with(1)]
    texts[place] = going_with(0)
    message = answer(*texts)
    marker = editor(selecting(), CHAT)
    assert marker.edit(message) == "changed"
    assert message == {**answer(going_with(0)), "usage": {"prompt_tokens": 5, "completion_tokens": 60}}
    assert GreenEvidence(WORDS, [going_with(0)]).score(KEY) > 0
    assert marker.close() == []


@pytest.mark.parametrize("message", [answer("one"), {"error": {"message": "no"}}, {"choices": "x"}])
def test_an_answer_with_nothing_to_choose_from_stays(message: Object) -> None:
    before = deepcopy(message)
    assert editor(selecting(), CHAT).edit(message) == "kept"
    assert message == before


def test_a_legacy_completion_is_chosen_by_its_text() -> None:
    choices: Any = [{"index": at, "text": going_with(1 - at)} for at in range(2)]
    message: Object = {"choices": choices}
    assert (
        editor(selecting(), {"model": "m-1", "prompt": "p"}, "openai_completions").edit(message) == "changed"
    )
    assert message == {"choices": [{"index": 0, "text": going_with(0)}]}

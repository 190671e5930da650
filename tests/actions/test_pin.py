"""What makes two prompts the same, and which calls are never pinned."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.actions.pin import digest
from gateway.actions.tasks import Pin
from gateway.dialects.base import Object
from gateway.model import Route
from tests.actions.helpers import SPEAKING, action, call


def chat(text: str, **more: Any) -> Object:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


def same(one: Object, two: Object, *, loose: bool = False, dialect: str = "openai_chat") -> bool:
    kept = [digest(call(body, dialect), body, loose=loose) for body in (one, two)]
    return kept[0] == kept[1]


@pytest.mark.parametrize(
    "text",
    [
        "  def f(x):\n    return x + 1  \n",
        "\n\n  def f(x):\r\n    return x + 1",
        "  def f(x):\t\n    return x +\u200b 1\ufeff",
    ],
)
def test_what_nobody_can_see_does_not_make_another_prompt(text: str) -> None:
    assert same(chat("  def f(x):\n    return x + 1"), chat(text))


def test_a_composed_letter_may_be_spelt_in_two_ways() -> None:
    assert same(chat("caf\u00e9"), chat("cafe\u0301"))


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    return x + 1",  # indented otherwise
        "  def f(x):\n    return x + 2",
        "  def F(x):\n    return x + 1",
        "  def f(x):\n    return x +  1",
        "  def f(x):\n\n    return x + 1",
        "  def f(x): return x + 1",
    ],
)
def test_what_may_change_the_meaning_makes_another_prompt(text: str) -> None:
    assert not same(chat("  def f(x):\n    return x + 1"), chat(text))


def test_joiners_of_scripts_that_need_them_count() -> None:
    joined = "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645"
    assert not same(chat(joined), chat(joined[:2] + "\u200c" + joined[2:]))


def test_loosely_case_and_spacing_are_passed_over_and_digits_never() -> None:
    assert same(chat("What  is\nthe US?"), chat("what is the us? "), loose=True)
    assert not same(chat("What is 12 + 7?"), chat("What is 13 + 7?"), loose=True)


SAMPLED = [
    {"temperature": 0.9},
    {"top_p": 0.5},
    {"seed": 7},
    {"top_k": 5},
    {"user": "u1"},
    {"metadata": {"nonce": "1"}},
    {"options": {"seed": 1, "temperature": 2}},
]


@pytest.mark.parametrize("more", SAMPLED, ids=str)
def test_how_an_answer_is_sampled_and_for_whom_is_passed_over(more: Object) -> None:
    body = chat("x", options={})
    assert same(body, {**body, **more})


MEANING: list[Object] = [
    {"model": "other"},
    {"stream": True},
    {"stream_options": {"include_usage": True}},
    {"max_tokens": 5},
    {"n": 2},
    {"stop": ["\n"]},
    {"response_format": {"type": "json_object"}},
    {"logprobs": True},
    {"logit_bias": {"5": 10}},
    {"reasoning_effort": "high"},
    {"options": {"num_ctx": 9}},
    {"unheard_of": 1},
]


@pytest.mark.parametrize("more", MEANING, ids=str)
def test_what_changes_the_answers_meaning_or_form_counts(more: Object) -> None:
    assert not same(chat("x"), {**chat("x"), **more})


def test_spacing_outside_of_prose_counts() -> None:
    assert not same(chat("x", stop="\n"), chat("x", stop=""))


def test_the_conversation_so_far_and_who_spoke_count() -> None:
    def turns(*pairs: tuple[str, str]) -> Object:
        return {"messages": [{"role": role, "content": text} for role, text in pairs]}

    assert not same(turns(("user", "a"), ("user", "b")), turns(("user", "b"), ("user", "a")))
    assert not same(turns(("system", "a")), turns(("user", "a")))


def test_the_route_counts() -> None:
    body = chat("x")
    there = call(body)
    here = type(there)(Route("openai_chat", "chat", "/other"))
    assert digest(there, body) != digest(here, body)


@pytest.mark.parametrize("dialect", SPEAKING)
def test_every_dialects_prose_is_read(dialect: str) -> None:
    key = {"openai_responses": "input", "openai_completions": "prompt", "llamacpp": "prompt"}
    name = key.get(dialect, "system")
    assert same({name: "x", "messages": []}, {name: "x \n", "messages": []}, dialect=dialect)
    assert not same({name: "x", "messages": []}, {name: "y", "messages": []}, dialect=dialect)


def test_images_count_as_they_are() -> None:
    def image(url: str, width: int) -> Object:
        part: Object = {"type": "image_url", "image_url": {"url": url}, "width": width}
        return {"messages": [{"role": "user", "content": [part]}]}

    assert same(image("data:a", 1), image("data:a", 1))
    assert not same(image("data:a", 1), image("data:b", 1))
    assert not same(image("data:a", 1), image("data:a", 2))


def test_half_a_surrogate_pair_is_a_text_like_any_other() -> None:
    body = json.loads('{"messages": [{"role": "user", "content": "\\ud800"}]}')
    assert same(body, body)
    assert not same(body, chat("x"))


@given(st.text(max_size=40), st.text(" \t\n\r\u200b", max_size=5))
def test_white_space_at_the_end_never_counts(text: str, end: str) -> None:
    assert same(chat(text), chat(text + end))


@given(st.text(max_size=30), st.text(max_size=30))
def test_what_is_the_same_narrowly_is_the_same_loosely(one: str, two: str) -> None:
    if same(chat(one), chat(two)):
        assert same(chat(one), chat(two), loose=True)


def test_the_driver_is_told_the_prompt_and_for_how_long() -> None:
    body = chat("x")
    task = action("pin", within="10m").task(call(body), body)
    assert task == Pin(digest(call(body), body), 600.0)
    loose = action("pin", within="10m", loose=True)
    assert loose.task(call(body), body) == loose.task(call(chat("X")), chat("X"))


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"messages": [{"role": "tool", "tool_call_id": "1", "content": "3"}]},
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"background": True},
        {"web_search_options": {"a": 1}},
    ],
    ids=str,
)
def test_calls_of_agents_and_of_stored_conversations_are_never_pinned(more: Object) -> None:
    body = {**chat("x"), **more}
    assert action("pin", within="10m").task(call(body), body) is None


def test_what_is_not_generated_or_not_read_is_not_pinned() -> None:
    pin = action("pin", within="10m")
    assert pin.task(call({"input": "x"}, "embeddings"), {"input": "x"}) is None
    assert pin.task(call({}), {}) is None


@pytest.mark.parametrize("options", [{}, {"within": "0s"}, {"within": "2d"}, {"within": 600}])
def test_times_that_mean_nothing_are_errors(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        action("pin", **options)

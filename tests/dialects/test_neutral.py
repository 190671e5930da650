"""What all dialects read alike, and what they answer unless they know better."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects.neutral import Neutral, openai_user
from gateway.errors import CallError
from gateway.model import Route

ROUTE = Route("neutral", "chat", "/x")


def test_the_neutral_answers_say_nothing() -> None:
    neutral = Neutral()
    message: Any = {"choices": [{"text": "a", "logprobs": {}}]}
    assert neutral.usage(message) is None
    assert neutral.finished(message) is False
    assert neutral.strip_reasoning(message) == "kept"
    assert neutral.drop_probabilities(message) is False
    assert [*neutral.texts(message), *neutral.token_lists(message), *neutral.content_parts(message)] == []


def test_at_least_one_prompt_is_counted_and_an_empty_end_user_is_none() -> None:
    call = Neutral().call({}, ROUTE, 1, (), prompts=0, end_user="")
    assert (call.prompts, call.end_user, call.stream) == (1, None, False)


@pytest.mark.parametrize(
    ("body", "user"),
    [
        ({"safety_identifier": "a", "user": "b"}, "a"),
        ({"safety_identifier": "", "user": "b"}, "b"),
        ({"user": "b"}, "b"),
        ({}, None),
    ],
)
def test_the_safety_identifier_goes_before_the_user(body: Any, user: str | None) -> None:
    assert openai_user(body) == user


@pytest.mark.parametrize("key", ["user", "safety_identifier"])
def test_an_end_user_that_is_no_text_is_refused(key: str) -> None:
    with pytest.raises(CallError, match=f"'{key}' must be a string"):
        openai_user({key: 5})

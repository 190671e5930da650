"""Answers with `choices`: usage, text, probabilities and reasoning of chat and legacy completions."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gateway.dialects import get
from gateway.dialects.base import Object
from gateway.model import Usage

CHAT = get("openai_chat")
ENTRY: Object = {
    "token": "a",
    "logprob": -0.1,
    "bytes": [97],
    "top_logprobs": [{"token": "a", "logprob": -0.1}],
}


def _answer(**choice: Any) -> Object:
    return {"id": "1", "object": "chat.completion", "model": "m", "choices": [{"index": 0, **choice}]}


@pytest.mark.parametrize(
    ("message", "usage"),
    [
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 5}}, Usage(3, 5)),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 0}}, Usage(3, 0)),
        (
            {
                "choices": [],
                "usage": {"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 4}},
            },
            Usage(0, 5, 4),
        ),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": None, "reasoning_tokens": 2}}, Usage(3, 0, 2)),
        ({"x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 5}}}, Usage(3, 5)),
        ({"timings": {"prompt_n": 3, "cache_n": 10, "predicted_n": 5}}, Usage(13, 5)),
        ({"timings": {"prompt_n": 3}}, Usage(3, 0)),
        ({"usage": None, "choices": []}, None),
        ({"usage": {"prompt_tokens": "3"}}, None),
        ({}, None),
    ],
)
def test_usage_is_read_as_given(message: Object, usage: Usage | None) -> None:
    assert CHAT.usage(message) == usage


def test_every_generated_text_is_found() -> None:
    message: Object = {
        "choices": [
            {"message": {"role": "assistant", "content": "a", "reasoning_content": "b", "refusal": "c"}},
            {"delta": {"tool_calls": [{"function": {"name": "no", "arguments": "d"}}]}},
            {"text": "e", "reasoning": "f"},
        ]
    }
    assert list(CHAT.texts(message)) == ["a", "b", "c", "d", "e", "f"]


def test_only_the_framing_knows_the_end_of_these_streams() -> None:
    assert CHAT.finished(_answer(delta={}, finish_reason="stop")) is False


@pytest.mark.parametrize("name", ["openai_chat", "openai_completions"])
def test_dropping_probabilities_leaves_what_the_api_sends_when_not_asked(name: str) -> None:
    message: Object = {
        "id": "1",
        "choices": [
            {
                "index": 0,
                "text": "a",
                "message": {"role": "assistant", "content": "a", "token_ids": [1], "logprobs": [1]},
                "logprobs": {"content": [ENTRY]},
                "prompt_logprobs": [None],
                "token_ids": [1],
                "finish_reason": "stop",
            },
            {"index": 1, "delta": {"content": "b"}, "logprobs": None},
        ],
        "prompt_logprobs": [None],
        "prompt_token_ids": [1],
        "__verbose": {"completion_probabilities": [ENTRY], "prompt": "secret"},
        "usage": {"completion_tokens": 1},
    }
    assert get(name).drop_probabilities(message) is True
    assert message == {
        "id": "1",
        "choices": [
            {
                "index": 0,
                "text": "a",
                "message": {"role": "assistant", "content": "a"},
                "logprobs": None,
                "finish_reason": "stop",
            },
            {"index": 1, "delta": {"content": "b"}, "logprobs": None},
        ],
        "usage": {"completion_tokens": 1},
    }
    assert get(name).drop_probabilities(message) is False


def test_official_answers_pass_unchanged() -> None:
    message = _answer(
        message={"role": "assistant", "content": "a", "refusal": None, "annotations": [], "tool_calls": []},
        logprobs={"content": [ENTRY], "refusal": None},
        finish_reason="stop",
    )
    message.update(created=1, system_fingerprint="f", service_tier="default", usage={"prompt_tokens": 1})
    before = copy.deepcopy(message)
    assert CHAT.drop_extras(message) is False
    assert CHAT.drop_extras({"error": {"message": "m"}}) is False
    assert CHAT.strip_reasoning(message) == "kept"
    for found in CHAT.token_lists(message):
        found.narrow(5, None)
    assert message == before


def test_reasoning_leaves_its_fields_and_its_tokens() -> None:
    message = _answer(
        message={
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": [{"text": "t"}]}, {"type": "text", "text": "a"}],
            "reasoning_content": "t",
            "reasoning": "t",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "t", "signature": "s"},
                {"type": "reasoning.summary", "summary": "t"},
                {"type": "reasoning.encrypted", "data": "e"},
            ],
            "thinking_blocks": [
                {"type": "thinking", "thinking": "t", "signature": "s"},
                {"type": "redacted_thinking", "data": "e"},
            ],
            "provider_specific_fields": {"reasoning_content": "t", "thinking_blocks": [{"type": "thinking"}]},
        },
        reasoning="t",
        token_ids=[1],
        logprobs={"content": [ENTRY]},
    )
    message.update(usage={"completion_tokens_details": {"reasoning_tokens": 9}}, __verbose={"content": "t"})
    assert CHAT.strip_reasoning(message) == "changed"
    expected = _answer(
        message={
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}],
            "reasoning_details": [
                {"type": "reasoning.encrypted", "data": "e"},
            ],
            "thinking_blocks": [{"type": "redacted_thinking", "data": "e"}],
            "provider_specific_fields": {"thinking_blocks": []},
        },
        logprobs=None,
    )
    expected["usage"] = {"completion_tokens_details": {}}
    assert message == expected


def test_numbers_of_reasoning_tokens_leave_the_usage_wherever_they_stand() -> None:
    message: Object = {
        "choices": [],
        "usage": {"completion_tokens": 9, "reasoning_tokens": 7},
        "x_groq": {"usage": {"completion_tokens_details": {"reasoning_tokens": 7, "audio_tokens": 0}}},
    }
    assert CHAT.strip_reasoning(message) == "changed"
    assert message["usage"] == {"completion_tokens": 9}
    assert message["x_groq"] == {"usage": {"completion_tokens_details": {"audio_tokens": 0}}}


def test_of_reasoning_in_fields_the_beginning_may_stay() -> None:
    message = _answer(delta={"reasoning": "abc", "thinking": "x", "content": None})
    asked: list[str] = []

    def seen(key: str, text: str) -> str:
        asked.append(key)
        return text[:2] if text == "abc" else text

    assert CHAT.strip_reasoning(message, seen) == "changed"
    assert message == _answer(delta={"reasoning": "ab", "thinking": "x", "content": None})
    assert len(set(asked)) == 2


@pytest.mark.parametrize(
    ("event", "verdict"),
    [
        (_answer(delta={"reasoning_content": "t"}), "drop"),
        (_answer(delta={"reasoning": "t", "content": None}, finish_reason=None), "drop"),
        (_answer(delta={"reasoning": "t", "content": "a"}), "changed"),
        (_answer(delta={"role": "assistant", "reasoning": "t"}), "changed"),
        (_answer(delta={"reasoning": "t"}, finish_reason="stop"), "changed"),
        ({**_answer(delta={"reasoning": "t"}), "usage": {"prompt_tokens": 1}}, "changed"),
        (_answer(message={"reasoning": "t"}), "changed"),
        ({"choices": [{"delta": {"reasoning": "t"}}, {"delta": {"content": "a"}}]}, "changed"),
        ({"choices": [{"delta": {"reasoning": "t"}}, {"delta": {"reasoning": "u"}}]}, "drop"),
        ({"choices": [], "__verbose": {}}, "changed"),
        (_answer(delta={"content": "a"}), "kept"),
        (_answer(delta={}), "kept"),
    ],
)
def test_an_event_of_nothing_but_reasoning_is_forgotten(event: Object, verdict: str) -> None:
    assert CHAT.strip_reasoning(copy.deepcopy(event)) == verdict


def test_answer_text_is_found_per_choice() -> None:
    message: Object = {
        "choices": [
            {"index": 1, "delta": {"content": "a"}},
            {"message": {"content": [{"type": "text", "text": "b"}, {"type": "image_url"}]}},
            {"index": 2, "text": "c"},
        ]
    }
    assert [(stream, holder[key]) for stream, holder, key in CHAT.content_parts(message)] == [
        ("1", "a"),
        ("0", "b"),
        ("2", "c"),
    ]

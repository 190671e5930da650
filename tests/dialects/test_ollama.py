"""Ollama's chat and generate: streams by default, options in an object of their own."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects import get
from gateway.dialects.base import Object
from gateway.errors import CallError
from gateway.model import Call, Route, Turn, Usage

DIALECT = get("ollama")
ENTRY: dict[str, Any] = {"token": "a", "logprob": -0.1, "top_logprobs": [{"token": "a", "logprob": -0.1}]}


def _read(endpoint: str = "chat", **body: Any) -> Call:
    return DIALECT.read(body, Route("ollama", endpoint, f"/api/{endpoint}"), 1)


def test_chat_is_read_with_its_options() -> None:
    call = _read(
        model="m",
        messages=[
            {"role": "user", "content": "u", "images": ["aGk="]},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}],
            },
            {"role": "tool", "content": "r", "tool_name": "f"},
        ],
        options={"num_predict": 7, "temperature": 0.5, "stop": ["x"]},
        logprobs=True,
        top_logprobs=2,
        think="high",
        format="json",
    )
    assert [(turn.role, turn.text) for turn in call.turns] == [
        ("user", "u"),
        ("assistant", '{"x":1}'),
        ("tool", "r"),
    ]
    assert (call.stream, call.messages, call.prompts) == (True, 3, 1)
    found = call.parameters
    assert (found.max_tokens, found.temperature, found.stop) == (7, 0.5, 1)
    assert (found.logprobs, found.top_logprobs, found.reasoning, found.grammar) == (True, 2, True, True)
    assert _read(stream=False).stream is False


def test_generate_is_read_with_everything_that_becomes_prompt() -> None:
    call = _read(
        "completions", system="s", template="t", prompt="p", suffix="q", context=[1, 2], images=["aGk="]
    )
    assert call.turns == (Turn("system", "s"), Turn("system", "t"), Turn("user", "p"), Turn("user", "q"))
    assert (call.prompts, call.messages) == (1, 0)


def test_keys_in_another_case_are_refused_because_go_would_read_them() -> None:
    with pytest.raises(CallError, match="lower case"):
        _read(Logprobs=True)


@pytest.mark.parametrize(
    ("message", "usage"),
    [
        ({"done": True, "prompt_eval_count": 3, "eval_count": 5}, Usage(3, 5)),
        ({"done": True, "eval_count": 0}, Usage(0, 0)),
        ({"done": False}, None),
    ],
)
def test_usage_comes_at_the_end(message: Object, usage: Usage | None) -> None:
    assert DIALECT.usage(message) == usage
    assert DIALECT.finished(message) is message["done"]


def test_texts_and_parts_of_both_routes_are_found() -> None:
    chat: Object = {"message": {"role": "assistant", "content": "a", "thinking": "t"}}
    generate: Object = {
        "response": "b",
        "thinking": "t",
        "tool_calls": [{"function": {"arguments": {"x": 1}}}],
    }
    assert list(DIALECT.texts(chat)) == ["a", "t"]
    assert list(DIALECT.texts(generate)) == ["b", "t", '{"x":1}']
    assert [(stream, holder[key]) for stream, holder, key in DIALECT.content_parts(chat)] == [("0", "a")]
    assert [(stream, holder[key]) for stream, holder, key in DIALECT.content_parts(generate)] == [("0", "b")]


def test_probabilities_are_narrowed_and_then_absent() -> None:
    message: Object = {
        "response": "a",
        "done": False,
        "logprobs": [dict(ENTRY)],
        "_debug_info": {"prompt": "s"},
    }
    for found in DIALECT.token_lists(message):
        found.narrow(0, None, 1)
    assert message["logprobs"] == [{"token": "a", "logprob": -0.1, "top_logprobs": []}]
    assert DIALECT.drop_probabilities(message) is True
    assert message == {"response": "a", "done": False}


@pytest.mark.parametrize(
    ("message", "verdict", "left"),
    [
        (
            {"message": {"content": "a", "thinking": "t"}, "done": True},
            "changed",
            {"message": {"content": "a"}, "done": True},
        ),
        (
            {"message": {"content": "", "thinking": "t"}, "done": False, "logprobs": [1]},
            "drop",
            {"message": {"content": ""}, "done": False},
        ),
        ({"response": "", "thinking": "t", "done": False}, "drop", {"response": "", "done": False}),
        ({"response": "a", "thinking": "t", "done": False}, "changed", {"response": "a", "done": False}),
        ({"message": {"content": "a"}, "done": False}, "kept", {"message": {"content": "a"}, "done": False}),
        ({"response": "", "context": [1], "done": True}, "changed", {"response": "", "done": True}),
    ],
)
def test_thinking_is_taken_out(message: Object, verdict: str, left: Object) -> None:
    assert DIALECT.strip_reasoning(message) == verdict
    assert message == left


def test_the_beginning_of_thinking_may_stay() -> None:
    message: Object = {"message": {"content": "", "thinking": "why"}, "done": False}
    assert DIALECT.strip_reasoning(message, lambda key, text: text[:1]) == "changed"
    assert message == {"message": {"content": "", "thinking": "w"}, "done": False}
    assert DIALECT.strip_reasoning(message, lambda key, text: text) == "kept"

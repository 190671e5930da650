"""Text is found in every kind of message and part, and binary data never is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from gateway.dialects import content
from gateway.errors import CallError
from gateway.model import JSON, Turn
from tests.dialects.strategies import values


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("plain", ["plain"]),
        ({"type": "text", "text": "a"}, ["a"]),
        ({"type": "input_text", "text": "a"}, ["a"]),
        ({"type": "output_text", "text": "a", "annotations": [{"title": "no"}]}, ["a"]),
        ({"type": "refusal", "refusal": "a"}, ["a"]),
        ({"type": "thinking", "thinking": "a", "signature": "no"}, ["a"]),
        ({"type": "redacted_thinking", "data": "no"}, []),
        ({"type": "tool_result", "content": [{"type": "text", "text": "a"}]}, ["a"]),
        ({"type": "tool_use", "id": "no", "input": {"path": "a"}}, ['{"path":"a"}']),
        ({"type": "tool_use", "input": {}}, []),
        ({"type": "search_result", "title": "t", "source": "s", "content": [{"text": "a"}]}, ["t", "s", "a"]),
        ({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a"}}, ["a"]),
        ({"type": "document", "source": {"type": "content", "content": "a"}, "context": "c"}, ["a", "c"]),
        ({"type": "document", "source": {"type": "base64", "data": "no"}}, []),
        ({"type": "image", "source": {"type": "base64", "data": "no"}}, []),
        ({"type": "image_url", "image_url": {"url": "data:no"}}, []),
        ({"type": "input_audio", "input_audio": {"data": "no"}}, []),
        ({"type": "file", "file": {"file_data": "no"}}, []),
        ({"type": "custom_tool_call", "input": "a"}, ["a"]),
        ({"type": "function_call", "arguments": '{"x":1}', "name": "no"}, ['{"x":1}']),
        ({"type": "local_shell_call", "action": {"type": "exec", "command": ["ls", "-l"]}}, ["ls", "-l"]),
        ({"type": "apply_patch_call", "operation": {"type": "no", "diff": "+a"}}, ["+a"]),
        ({"type": "reasoning", "summary": [{"text": "a"}], "encrypted_content": "no"}, ["a"]),
        ({"type": "computer_call_output", "output": {"type": "x", "image_url": "no"}}, []),
        ({"type": "unknown_kind", "Text": "a", "payload": "no"}, ["a"]),
        ({"role": "assistant", "tool_calls": [{"function": {"arguments": {"q": "a"}}}]}, ['{"q":"a"}']),
        ([{"text": ["a", {"text": "b"}]}, 5, None], ["a", "b"]),
    ],
)  # fmt: skip
def test_text_is_taken_from_every_part(part: Any, expected: list[str]) -> None:
    assert list(content.pieces(part)) == expected


@given(values)
def test_any_value_gives_texts(value: JSON) -> None:
    assert all(isinstance(text, str) for text in content.pieces(value))


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("system", "system"), ("developer", "system"), (" Assistant", "assistant"), ("model", "assistant"),
        ("tool", "tool"), ("function", "tool"), ("user", "user"), ("narrator", "user"), (None, "user"),
    ],
)  # fmt: skip
def test_unknown_roles_speak_for_the_user(name: str | None, role: str) -> None:
    assert content.role(name, "role") == role


def test_messages_become_turns_in_order_and_silent_ones_are_left_out() -> None:
    turns, count = content.chat_turns(
        [
            {"role": "developer", "content": "rules"},
            {"role": "user", "name": "ignored", "content": [{"type": "text", "text": "a"}, "b"]},
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"arguments": "{}"}}]},
            {"role": "tool", "content": "result"},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
        ]
    )
    assert count == 5
    assert turns == [
        Turn("system", "rules"), Turn("user", "a\nb"), Turn("assistant", "{}"), Turn("tool", "result"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("text", "messages"),
        ({"role": "user"}, "messages"),
        (["text"], r"messages\[0\]"),
        ([{"role": 5}], r"messages\[0\].role"),
        ([{}, {"content": 5}], r"messages\[1\].content"),
        ([{"content": [5]}], r"messages\[0\].content"),
    ],
)
def test_wrong_messages_are_refused_by_their_place(value: Any, field: str) -> None:
    with pytest.raises(CallError, match=f"'{field}' must be"):
        content.chat_turns(value)


@pytest.mark.parametrize(
    ("value", "texts", "count"),
    [
        (None, [], 0),
        ("a", ["a"], 1),
        (["a", "b"], ["a", "b"], 2),
        ([1, 2, 3], [""], 1),
        ([[1, 2], [3]], ["", ""], 2),
        ([1, "a", 2, "b"], ["a\nb"], 1),
        ([[1, "a"], "b", {"prompt_string": "c", "multimodal_data": ["no"]}], ["a", "b", "c"], 3),
        ({"prompt_string": "c"}, ["c"], 1),
        ([], [], 0),
        ([1.0, 2.0], [""], 1),
    ],
)
def test_prompts_are_counted_in_every_form(value: Any, texts: list[str], count: int) -> None:
    assert content.prompts(value, "prompt") == (texts, count)


@pytest.mark.parametrize("value", [5, True, [None], [[None]], [1, [2]], [[["a"]]], [1, {}]])
def test_wrong_prompts_are_refused(value: Any) -> None:
    with pytest.raises(CallError, match="'prompt' must be"):
        content.prompts(value, "prompt")

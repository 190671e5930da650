"""The Messages API: blocks, tool results, thinking and its signatures."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gateway.dialects import get
from gateway.dialects.base import Object
from gateway.errors import CallError
from gateway.model import Call, Route, Turn, Usage

DIALECT = get("anthropic")


def _read(**body: Any) -> Call:
    return DIALECT.read(body, Route("anthropic", "messages", "/v1/messages"), 1)


def test_system_and_messages_become_turns() -> None:
    call = _read(
        model="m",
        max_tokens=9,
        system=[{"type": "text", "text": "s"}, {"type": "text", "text": "t", "cache_control": {}}],
        messages=[
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
        ],
        metadata={"user_id": "me"},
        thinking={"type": "enabled", "budget_tokens": 1024},
        stop_sequences=["x"],
        tools=[{"name": "f"}],
    )
    assert call.turns == (Turn("system", "s\nt"), Turn("user", "u"), Turn("assistant", "a"))
    assert (call.messages, call.end_user, call.model) == (2, "me", "m")
    found = call.parameters
    assert (found.max_tokens, found.reasoning, found.stop, found.tools) == (9, True, 1, 1)


def test_tool_results_are_turns_of_their_own_in_wire_order() -> None:
    call = _read(
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "before"},
                    {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "r"}]},
                    {"type": "tool_result", "tool_use_id": "2", "content": "q"},
                    {"type": "text", "text": "after"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "3", "name": "f", "input": {"x": "y"}},
                    {
                        "type": "web_search_tool_result",
                        "content": [{"title": "w", "encrypted_content": "no"}],
                    },
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "content": "only"}]},
        ]
    )
    assert [(turn.role, turn.text) for turn in call.turns] == [
        ("user", "before"),
        ("tool", "r"),
        ("tool", "q"),
        ("user", "after"),
        ("assistant", '{"x":"y"}'),
        ("tool", "w"),
        ("tool", "only"),
    ]


def test_legacy_prompts_are_read() -> None:
    call = _read(prompt="\n\nHuman: hi", max_tokens_to_sample=5)
    assert call.turns == (Turn("user", "\n\nHuman: hi"),)
    assert call.parameters.max_tokens == 5


@pytest.mark.parametrize(
    "body",
    [{"system": 5}, {"system": [5]}, {"messages": {}}, {"messages": ["x"]}, {"metadata": {"user_id": 5}}],
)
def test_wrong_types_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(CallError, match="must be"):
        _read(**body)


@pytest.mark.parametrize(
    ("message", "usage"),
    [
        (
            {
                "usage": {
                    "input_tokens": 1,
                    "cache_read_input_tokens": 10,
                    "cache_creation_input_tokens": 100,
                    "output_tokens": 2,
                }
            },
            Usage(111, 2),
        ),
        (
            {"type": "message_start", "message": {"usage": {"input_tokens": 7, "output_tokens": 1}}},
            Usage(7, 1),
        ),
        ({"type": "message_delta", "usage": {"output_tokens": 0}}, Usage(0, 0)),
        (
            {
                "type": "message_delta",
                "usage": {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}},
            },
            Usage(0, 9, 4),
        ),
        ({"input_tokens": 12}, Usage(12)),
        ({"type": "ping"}, None),
        ({"usage": {"input_tokens": "many"}}, None),
    ],
)
def test_usage_counts_cached_input_as_input(message: Object, usage: Usage | None) -> None:
    assert DIALECT.usage(message) == usage


EVENTS: list[tuple[Object, list[str]]] = [
    ({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "a"}}, ["a"]),
    ({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "t"}}, ["t"]),
    ({"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "{"}}, ["{"]),
    ({"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "s"}}, []),
    ({"type": "content_block_start", "content_block": {"type": "text", "text": ""}}, [""]),
    (
        {
            "type": "message",
            "content": [{"type": "text", "text": "a"}, {"type": "tool_use", "input": {"x": 1}}],
        },
        ["a", '{"x":1}'],
    ),
    ({"type": "completion", "completion": "a"}, ["a"]),
]


@pytest.mark.parametrize(("message", "texts"), EVENTS)
def test_generated_text_is_found(message: Object, texts: list[str]) -> None:
    assert list(DIALECT.texts(message)) == texts


def test_terminal_events_are_known() -> None:
    assert DIALECT.finished({"type": "message_stop"}) is True
    assert DIALECT.finished({"type": "completion", "stop_reason": "stop_sequence"}) is True
    assert DIALECT.finished({"type": "completion", "stop_reason": None}) is False
    assert DIALECT.finished({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}) is False


def test_answer_text_is_found_by_block() -> None:
    text = {"type": "text", "text": "a"}
    cases: list[tuple[Object, list[str]]] = [
        ({"type": "message", "content": [{"type": "thinking", "thinking": "t"}, "?", dict(text)]}, ["2"]),
        ({"type": "message_start", "message": {"content": [dict(text)]}}, ["0"]),
        ({"type": "content_block_start", "index": 3, "content_block": dict(text)}, ["3"]),
        ({"type": "content_block_delta", "index": 3, "delta": {"type": "text_delta", "text": "a"}}, ["3"]),
        (
            {"type": "content_block_delta", "index": 3, "delta": {"type": "thinking_delta", "thinking": "t"}},
            [],
        ),
        ({"type": "completion", "completion": "a"}, ["0"]),
    ]
    for message, streams in cases:
        parts = list(DIALECT.content_parts(message))
        assert [stream for stream, _, _ in parts] == streams
        assert all(holder[key] == "a" for _, holder, key in parts)


def test_thinking_keeps_its_signature_and_its_place() -> None:
    thinking: Object = {"type": "thinking", "thinking": "t", "signature": "s"}
    redacted: Object = {"type": "redacted_thinking", "data": "e"}
    message: Object = {"type": "message", "content": [thinking, redacted, {"type": "text", "text": "a"}]}
    assert DIALECT.strip_reasoning(message) == "changed"
    assert message["content"] == [
        {"type": "thinking", "thinking": "", "signature": "s"},
        redacted,
        {"type": "text", "text": "a"},
    ]
    assert DIALECT.strip_reasoning(message) == "kept"


def test_streamed_thinking_goes_and_its_signature_stays() -> None:
    def delta(**fields: str) -> Object:
        return {"type": "content_block_delta", "index": 0, "delta": {**fields}}

    assert DIALECT.strip_reasoning(delta(type="thinking_delta", thinking="t")) == "drop"
    assert DIALECT.strip_reasoning(delta(type="signature_delta", signature="s")) == "kept"
    start: Object = {"type": "content_block_start", "content_block": {"type": "thinking", "thinking": "t"}}
    assert DIALECT.strip_reasoning(start) == "changed"


@pytest.mark.parametrize("kind", ["enabled", "adaptive"])
def test_the_server_is_asked_to_leave_thinking_out_so_that_the_signature_is_of_what_is_shown(
    kind: str,
) -> None:
    body: Object = {"thinking": {"type": kind, "display": "summarized"}}
    assert DIALECT.ask_no_reasoning(body, keep=True)
    assert body == {"thinking": {"type": kind, "display": "omitted"}}
    assert not DIALECT.ask_no_reasoning(body)


def test_a_request_without_thinking_stays() -> None:
    bodies: list[Object] = [{}, {"thinking": {"type": "disabled"}}, {"thinking": "?"}]
    assert not any(map(DIALECT.ask_no_reasoning, bodies))


def test_the_number_of_thinking_tokens_leaves_the_usage() -> None:
    message: Object = {
        "type": "message_delta",
        "delta": {},
        "usage": {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 7}},
    }
    assert DIALECT.strip_reasoning(message) == "changed"
    assert message["usage"] == {"output_tokens": 9}


def test_engine_extras_are_dropped_and_tool_inputs_are_not_touched() -> None:
    tool: Object = {"type": "tool_use", "input": {"probs": [1], "logprobs": [1]}}
    message: Object = {"type": "message", "content": [copy.deepcopy(tool)], "logprobs": [1], "token_ids": [1]}
    assert DIALECT.drop_probabilities(message) is True
    assert message == {"type": "message", "content": [tool]}
    assert list(DIALECT.token_lists(message)) == []

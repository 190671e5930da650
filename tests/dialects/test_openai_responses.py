"""The Responses API: items in, and a stream that repeats itself."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gateway.dialects import get
from gateway.dialects.base import Object
from gateway.dialects.logprobs import UNLIKELY
from gateway.errors import CallError
from gateway.model import Call, Route, Turn, Usage

DIALECT = get("openai_responses")
ENTRY: dict[str, Any] = {
    "token": "a",
    "logprob": -0.1,
    "bytes": [97],
    "top_logprobs": [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -2.0}],
}
TEXT: dict[str, Any] = {"type": "output_text", "text": "a", "annotations": [], "logprobs": [ENTRY]}
ITEM: dict[str, Any] = {"type": "message", "id": "i", "role": "assistant", "content": [TEXT]}
REASONING: dict[str, Any] = {
    "type": "reasoning",
    "id": "r",
    "summary": [{"type": "summary_text", "text": "t"}],
    "content": [{"type": "reasoning_text", "text": "t"}],
    "encrypted_content": "e",
    "status": "completed",
}


def _read(**body: Any) -> Call:
    return DIALECT.read(body, Route("openai_responses", "responses", "/v1/responses"), 1)


def _event(kind: str, **fields: Any) -> Object:
    return copy.deepcopy(
        {"type": kind, "sequence_number": 1, "output_index": 1, "content_index": 2, **fields}
    )


def _whole() -> Object:
    return copy.deepcopy({"id": "1", "object": "response", "output": [REASONING, ITEM]})


def test_a_string_is_one_user_message() -> None:
    call = _read(input="u", instructions="s", user="me", max_output_tokens=9, reasoning={"effort": "high"})
    assert call.turns == (Turn("system", "s"), Turn("user", "u"))
    assert (call.messages, call.prompts, call.end_user) == (1, 1, "me")
    assert (call.parameters.max_tokens, call.parameters.reasoning) == (9, True)


def test_items_speak_in_their_roles() -> None:
    call = _read(
        input=[
            {"role": "developer", "content": "s"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "u"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "r"}]},
            {"type": "function_call", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "o"},
            {"type": "custom_tool_call_output", "output": [{"type": "input_text", "text": "p"}]},
            {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"]}},
            {"type": "item_reference", "id": "x"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
            {"content": "bare"},
        ]
    )
    assert [(turn.role, turn.text) for turn in call.turns] == [
        ("system", "s"),
        ("user", "u"),
        ("assistant", "r"),
        ("assistant", "{}"),
        ("tool", "o"),
        ("tool", "p"),
        ("assistant", "ls"),
        ("assistant", "a"),
        ("user", "bare"),
    ]
    assert call.messages == 10


def test_variables_of_a_stored_prompt_are_user_text() -> None:
    call = _read(prompt={"id": "p", "variables": {"x": "v", "y": {"type": "input_text", "text": "w"}}})
    assert call.turns == (Turn("user", "v\nw"),)


@pytest.mark.parametrize(
    ("body", "on"),
    [
        ({"include": ["message.output_text.logprobs"]}, True),
        ({"include": ["reasoning.encrypted_content"]}, False),
        ({"top_logprobs": 5}, True),
        ({"include": None}, False),
        ({}, False),
    ],
)
def test_probabilities_are_asked_for_by_include(body: dict[str, Any], on: bool) -> None:
    assert _read(**body).parameters.logprobs is on


@pytest.mark.parametrize("body", [{"input": 5}, {"input": ["x"]}, {"include": "x"}, {"input": [{"type": 5}]}])
def test_wrong_types_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(CallError, match="must be"):
        _read(**body)


def test_formats_other_than_text_force_a_grammar() -> None:
    assert _read(text={"format": {"type": "json_schema"}}).parameters.grammar is True
    assert _read(text={"format": {"type": "text"}}).parameters.grammar is False


@pytest.mark.parametrize(
    ("message", "usage"),
    [
        ({"usage": {"input_tokens": 1, "output_tokens": 0}}, Usage(1, 0)),
        (
            {
                "type": "response.completed",
                "response": {
                    "usage": {
                        "input_tokens": 1,
                        "output_tokens": 5,
                        "output_tokens_details": {"reasoning_tokens": 4},
                    }
                },
            },
            Usage(1, 5, 4),
        ),
        ({"object": "response.input_tokens", "input_tokens": 8}, Usage(8)),
        ({"type": "response.created", "response": {"usage": None}}, None),
    ],
)
def test_usage_is_read_from_answers_and_events(message: Object, usage: Usage | None) -> None:
    assert DIALECT.usage(message) == usage


def test_streamed_text_is_counted_once() -> None:
    assert list(DIALECT.texts(_event("response.output_text.delta", delta="a"))) == ["a"]
    assert list(DIALECT.texts(_event("response.function_call_arguments.delta", delta="b"))) == ["b"]
    assert list(DIALECT.texts(_event("response.output_text.done", text="a"))) == []
    assert list(DIALECT.texts(_event("response.completed", response=_whole()))) == []
    assert list(DIALECT.texts(_whole())) == ["t", "t", "a"]


@pytest.mark.parametrize("kind", ["completed", "failed", "incomplete", "created", "output_text.done"])
def test_terminal_events_are_known(kind: str) -> None:
    assert DIALECT.finished({"type": f"response.{kind}"}) is (kind in ("completed", "failed", "incomplete"))


CARRIERS: dict[str, Object] = {
    "whole": _whole(),
    "delta": _event("response.output_text.delta", delta="a", logprobs=[ENTRY]),
    "done": _event("response.output_text.done", text="a", logprobs=[ENTRY]),
    "part": _event("response.content_part.done", part=TEXT),
    "item": _event("response.output_item.done", item=ITEM),
    "completed": _event("response.completed", response=_whole()),
}


@pytest.mark.parametrize("name", CARRIERS)
def test_probabilities_are_narrowed_and_dropped_wherever_they_are_repeated(name: str) -> None:
    message = copy.deepcopy(CARRIERS[name])
    lists = list(DIALECT.token_lists(message))
    assert len(lists) == 1
    lists[0].narrow(0, None, 1)
    narrowed = repr(message)
    assert "-2.0" not in narrowed
    assert "'logprob': -0.1" in narrowed
    assert str(UNLIKELY) not in narrowed
    assert DIALECT.drop_probabilities(message) is True
    assert "'logprobs': []" in repr(message)
    assert DIALECT.drop_probabilities(message) is False


@pytest.mark.parametrize("name", CARRIERS)
def test_answer_text_is_found_wherever_it_is_repeated(name: str) -> None:
    parts = list(DIALECT.content_parts(copy.deepcopy(CARRIERS[name])))
    assert len(parts) == 1
    stream, holder, key = parts[0]
    assert holder[key] == "a"
    assert stream == {"whole": "1.0", "completed": "1.0", "item": "1.0"}.get(name, "1.2")


def test_engine_extras_are_dropped_at_every_level() -> None:
    message = _event("response.completed", response=_whole(), prompt_logprobs=[None])
    response: Any = message["response"]
    response.update(input_messages=["secret"], output_messages=["secret"])
    response["output"][1]["content"][0]["token_ids"] = [1]
    assert DIALECT.drop_extras(message) is True
    assert message == _event("response.completed", response=_whole())


@pytest.mark.parametrize(
    "event",
    [
        _event("response.reasoning_text.delta", delta="t"),
        _event("response.reasoning_text.done", text="t"),
        _event("response.reasoning_summary_text.delta", delta="t"),
        _event("response.reasoning_summary_part.added", part={"type": "summary_text", "text": ""}),
        _event("response.content_part.added", part={"type": "reasoning_text", "text": ""}),
    ],
)
def test_events_of_reasoning_are_forgotten(event: Object) -> None:
    assert DIALECT.strip_reasoning(event) == "drop"


def test_reasoning_items_keep_their_identity_and_lose_their_words() -> None:
    bare = {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e", "status": "completed"}
    for message in (
        _whole(),
        _event("response.output_item.done", item=REASONING),
        _event("response.completed", response={**_whole(), "output_messages": ["t"]}),
    ):
        assert DIALECT.strip_reasoning(message) == "changed"
        assert "'t'" not in repr(message)
        assert repr(bare) in repr(message)
        assert DIALECT.strip_reasoning(message) == "kept"


def test_of_reasoning_the_beginning_may_stay_and_what_frames_it() -> None:
    asked: list[str] = []

    def seen(key: str, text: str) -> str:
        asked.append(key)
        return text[:1]

    part: Object = {"type": "summary_text", "text": "tt"}
    start = _event("response.reasoning_summary_part.added", part={"type": "summary_text", "text": ""})
    delta = _event("response.reasoning_summary_text.delta", output_index=1, summary_index=2, delta="tt")
    done = _event("response.reasoning_summary_part.done", part=dict(part))
    item = _event("response.output_item.done", item={"type": "reasoning", "summary": [part], "content": []})
    assert [DIALECT.strip_reasoning(one, seen) for one in (start, delta, done, item)] == [
        "kept", "changed", "changed", "changed",
    ]  # fmt: skip
    assert "tt" not in repr((delta, done, item))
    assert asked == ["1.2", "", ""]
    assert DIALECT.strip_reasoning(item, seen) == "kept"


def test_a_server_is_asked_for_no_summary_unless_some_of_it_is_to_stay() -> None:
    body: Object = {"reasoning": {"effort": "low", "summary": "auto"}}
    assert not DIALECT.ask_no_reasoning(body, keep=True)
    assert DIALECT.ask_no_reasoning(body)
    assert body == {"reasoning": {"effort": "low"}}
    assert not DIALECT.ask_no_reasoning(body)


def test_the_number_of_reasoning_tokens_is_nought() -> None:
    usage: Object = {"output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 7}}
    message = _event("response.completed", response={"usage": usage, "output": []})
    assert DIALECT.strip_reasoning(message) == "changed"
    left = {"output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 0}}
    assert message["response"] == {"usage": left, "output": []}


def test_odd_parts_keep_the_positions_of_the_others() -> None:
    item: Object = {"type": "message", "content": ["?", {"type": "refusal"}, TEXT]}
    parts = list(DIALECT.content_parts({"output": ["?", copy.deepcopy(item)]}))
    assert [stream for stream, _, _ in parts] == ["1.2"]


def test_a_delta_that_is_no_text_is_no_part() -> None:
    assert list(DIALECT.content_parts(_event("response.output_text.delta", delta={"text": "a"}))) == []

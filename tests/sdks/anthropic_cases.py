"""What applications do with the official Anthropic SDK; each case checks its answer and returns all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from anthropic.types import MessageParam, ToolParam

Case = Callable[[anthropic.Anthropic], Any]

ASK: list[MessageParam] = [
    {"role": "user", "content": [{"type": "text", "text": "Say something, mention get_weather: größer 💧"}]}
]
WEATHER: ToolParam = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def message(client: anthropic.Anthropic) -> Any:
    answer = client.messages.create(model="demo", max_tokens=500, system="Be terse.", messages=ASK)
    assert answer.stop_reason == "end_turn"
    return answer, answer._request_id


def message_stream(client: anthropic.Anthropic) -> Any:
    events = list(client.messages.create(model="demo", max_tokens=500, messages=ASK, stream=True))
    assert (events[0].type, events[-1].type) == ("message_start", "message_stop")
    assert len(events) > 10
    return events


def stream_helper(client: anthropic.Anthropic) -> Any:
    with client.messages.stream(model="demo", max_tokens=500, messages=ASK) as stream:
        texts = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(texts) > 10
    assert final.content[0].type == "text"
    assert final.content[0].text == "".join(texts)
    return texts, final


def thinking(client: anthropic.Anthropic) -> Any:
    with client.messages.stream(
        model="demo", max_tokens=2000, messages=ASK, thinking={"type": "enabled", "budget_tokens": 1024}
    ) as stream:
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]
    return final


def tool(client: anthropic.Anthropic) -> Any:
    answer = client.messages.create(model="demo", max_tokens=100, messages=ASK, tools=[WEATHER])
    assert answer.content[0].type == "tool_use"
    assert answer.content[0].input == {"city": "demo"}
    return answer


def tool_stream(client: anthropic.Anthropic) -> Any:
    with client.messages.stream(model="demo", max_tokens=100, messages=ASK, tools=[WEATHER]) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert "input_json" in kinds
    assert final.content[0].type == "tool_use"
    assert final.content[0].input == {"city": "demo"}
    return kinds, final


def tool_round_trip(client: anthropic.Anthropic) -> Any:
    first = client.messages.create(model="demo", max_tokens=100, messages=ASK, tools=[WEATHER])
    assert first.content[0].type == "tool_use"
    result: MessageParam = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": first.content[0].id, "content": "sunny"}],
    }
    messages: list[MessageParam] = [*ASK, {"role": "assistant", "content": first.content}, result]
    second = client.messages.create(model="demo", max_tokens=100, messages=messages, tools=[WEATHER])
    assert second.stop_reason == "end_turn"
    return second


def count_tokens(client: anthropic.Anthropic) -> Any:
    counted = client.messages.count_tokens(model="demo", messages=ASK, system="Be terse.")
    assert counted.input_tokens > 3
    return counted


def models(client: anthropic.Anthropic) -> Any:
    listed = list(client.models.list())
    assert client.models.retrieve("demo") in listed
    return listed


def refused_by_the_server(client: anthropic.Anthropic) -> Any:
    with pytest.raises(anthropic.BadRequestError) as raised:
        client.messages.create(model="demo", max_tokens=0, messages=ASK)
    return raised.value.body, raised.value.request_id


def unknown_model(client: anthropic.Anthropic) -> Any:
    with pytest.raises(anthropic.NotFoundError) as raised:
        client.models.retrieve("other")
    return raised.value.body


CASES: tuple[Case, ...] = (
    message, message_stream, stream_helper, thinking, tool, tool_stream, tool_round_trip, count_tokens,
    models, refused_by_the_server, unknown_model,
)  # fmt: skip

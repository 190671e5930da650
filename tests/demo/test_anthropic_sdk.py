"""The official Anthropic SDK against the demo upstream."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import pytest
from anthropic.types import MessageParam, TextBlock, ThinkingBlock, ToolParam, ToolUseBlock

from gateway.demo.plan import MODELS

ASK: list[MessageParam] = [{"role": "user", "content": [{"type": "text", "text": "Say something."}]}]
WEATHER: ToolParam = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
def client(demo_url: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=demo_url, api_key="demo", max_retries=0) as client:
        yield client


def test_a_message_says_that_it_is_scripted(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model="demo", max_tokens=500, system="Be terse.", messages=ASK)
    block = message.content[0]
    assert isinstance(block, TextBlock)
    assert block.text.startswith("This is the demo upstream")
    assert message.stop_reason == "end_turn"
    assert str(message._request_id).startswith("req_")


def test_a_streamed_message_is_the_same_message(client: anthropic.Anthropic) -> None:
    whole = client.messages.create(model="demo", max_tokens=500, messages=ASK)
    with client.messages.stream(model="demo", max_tokens=500, messages=ASK) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert isinstance(whole.content[0], TextBlock)
    assert text == whole.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.stop_reason == "end_turn"


def test_limits_and_stop_sequences_are_told_apart(client: anthropic.Anthropic) -> None:
    short = client.messages.create(model="demo", max_tokens=3, messages=ASK)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 3)
    stopped = client.messages.create(model="demo", max_tokens=99, messages=ASK, stop_sequences=["demo"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "demo")


def test_thinking_comes_before_the_answer_with_a_signature(client: anthropic.Anthropic) -> None:
    for thinking in ({"type": "enabled", "budget_tokens": 1024}, {"type": "adaptive"}):
        whole = client.messages.create(model="demo", max_tokens=2000, messages=ASK, thinking=thinking)  # type: ignore[call-overload]
        assert [block.type for block in whole.content] == ["thinking", "text"]
        assert isinstance(whole.content[0], ThinkingBlock)
        assert whole.content[0].signature
    with client.messages.stream(
        model="demo", max_tokens=2000, messages=ASK, thinking={"type": "enabled", "budget_tokens": 1024}
    ) as stream:
        streamed = stream.get_final_message().content
    assert streamed[0] == whole.content[0]
    assert isinstance(streamed[1], TextBlock)
    assert streamed[1].text == whole.content[1].text


@pytest.mark.parametrize("asked", ["any", "tool", "mentioned"])
def test_a_tool_is_used_with_arguments_of_the_right_types(client: anthropic.Anthropic, asked: str) -> None:
    messages: list[MessageParam] = [
        {"role": "user", "content": "Use get_weather" if asked == "mentioned" else "Hello"}
    ]
    choice = {
        "any": {"type": "any"},
        "tool": {"type": "tool", "name": "get_weather"},
        "mentioned": {"type": "auto"},
    }
    arguments = {
        "model": "demo",
        "max_tokens": 100,
        "messages": messages,
        "tools": [WEATHER],
        "tool_choice": choice[asked],
    }
    whole = client.messages.create(**arguments)  # type: ignore[call-overload]
    assert whole.stop_reason == "tool_use"
    assert isinstance(whole.content[0], ToolUseBlock)
    assert (whole.content[0].name, whole.content[0].input) == ("get_weather", {"city": "demo"})
    with client.messages.stream(**arguments) as stream:  # type: ignore[arg-type]
        final = stream.get_final_message()
    assert isinstance(final.content[0], ToolUseBlock)
    assert final.content[0].input == {"city": "demo"}


def test_after_a_tools_result_comes_text(client: anthropic.Anthropic) -> None:
    messages: list[MessageParam] = [
        {"role": "user", "content": "get_weather"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "get_weather", "input": {}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t", "content": "get_weather: sun"}],
        },
    ]
    answer = client.messages.create(model="demo", max_tokens=99, messages=messages, tools=[WEATHER])
    assert answer.stop_reason == "end_turn"
    never = client.messages.create(
        model="demo", max_tokens=99, messages=messages[:1], tools=[WEATHER], tool_choice={"type": "none"}
    )
    assert never.stop_reason == "end_turn"


@pytest.mark.parametrize("key", ["output_format", "output_config"])
def test_a_schema_is_answered_with_an_instance(client: anthropic.Anthropic, key: str) -> None:
    form = {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"const": 1}}}}
    extra = {key: form if key == "output_format" else {"format": form}}
    answer = client.messages.create(model="demo", max_tokens=99, messages=ASK, extra_body=extra)
    assert isinstance(answer.content[0], TextBlock)
    assert answer.content[0].text == '{"a": 1}'


def test_tokens_are_counted_as_in_the_usage(client: anthropic.Anthropic) -> None:
    counted = client.messages.count_tokens(model="demo", messages=ASK, system="Be terse.")
    message = client.messages.create(model="demo", max_tokens=9, messages=ASK, system="Be terse.")
    assert counted.input_tokens == message.usage.input_tokens == 6


def test_models_are_listed_and_found(client: anthropic.Anthropic) -> None:
    assert [model.id for model in client.models.list()] == list(MODELS)
    assert client.models.retrieve("demo").display_name == "demo"
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("other")

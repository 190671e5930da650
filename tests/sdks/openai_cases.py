"""What applications do with the official OpenAI SDK; each case checks its answer and returns all of it.

The same case runs against the model server itself and through a gateway, and both must give the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from openai.types.responses import ToolParam
from pydantic import BaseModel

Case = Callable[[openai.OpenAI], Any]

ASK: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "You are terse."},
    {"role": "user", "content": "Say something, and mention get_weather: größer 💧"},
]
_CITY: dict[str, object] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": _CITY, "strict": True},
}
_FLAT: ToolParam = {"type": "function", "name": "get_weather", "parameters": _CITY, "strict": True}
_ARGUMENTS = {"city": "demo", "days": 2}


class Person(BaseModel):
    """What is asked for by a schema."""

    name: str
    age: int


def chat(client: openai.OpenAI) -> Any:
    answer = client.chat.completions.create(model="demo", messages=ASK, n=2, seed=7)
    assert len({choice.message.content for choice in answer.choices}) == 2
    return answer.model_dump(), answer._request_id


def chat_stream(client: openai.OpenAI) -> Any:
    stream = client.chat.completions.create(
        model="demo", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert chunks[-1].usage is not None
    assert len(chunks) > 10
    return [chunk.model_dump() for chunk in chunks]


def chat_logprobs(client: openai.OpenAI) -> Any:
    answer = client.chat.completions.create(model="demo", messages=ASK, logprobs=True, top_logprobs=20)
    assert answer.choices[0].logprobs is not None
    entries = answer.choices[0].logprobs.content
    assert entries
    assert {len(entry.top_logprobs) for entry in entries} == {20}
    return answer.model_dump()


def chat_logprobs_stream(client: openai.OpenAI) -> Any:
    chunks = list(
        client.chat.completions.create(model="demo", messages=ASK, logprobs=True, top_logprobs=3, stream=True)
    )
    assert any(choice.logprobs for chunk in chunks for choice in chunk.choices)
    return [chunk.model_dump() for chunk in chunks]


def tools(client: openai.OpenAI) -> Any:
    answer = client.chat.completions.create(model="demo", messages=ASK, tools=[WEATHER])
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].type == "function"
    assert json.loads(calls[0].function.arguments) == _ARGUMENTS
    return answer.model_dump()


def tools_stream(client: openai.OpenAI) -> Any:
    with client.chat.completions.stream(model="demo", messages=ASK, tools=[WEATHER]) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.parsed_arguments == _ARGUMENTS
    return kinds, final


def tool_round_trip(client: openai.OpenAI) -> Any:
    messages = list(ASK)
    first = client.chat.completions.create(model="demo", messages=messages, tools=[WEATHER])
    calls = first.choices[0].message.tool_calls
    assert calls is not None
    messages.append(first.choices[0].message.model_dump(exclude_none=True))  # type: ignore[arg-type]
    messages.append({"role": "tool", "tool_call_id": calls[0].id, "content": "sunny"})
    second = client.chat.completions.create(model="demo", messages=messages, tools=[WEATHER])
    assert second.choices[0].finish_reason == "stop"
    return second.model_dump()


def schema(client: openai.OpenAI) -> Any:
    form: Any = {"type": "json_schema", "json_schema": {"name": "p", "schema": Person.model_json_schema()}}
    answer = client.chat.completions.create(model="demo", messages=ASK, response_format=form)
    assert Person.model_validate_json(str(answer.choices[0].message.content)).age == 1
    return answer.model_dump()


def parse(client: openai.OpenAI) -> Any:
    answer = client.chat.completions.parse(model="demo", messages=ASK, response_format=Person)
    assert answer.choices[0].message.parsed == Person(name="demo", age=1)
    return answer


def reasoning(client: openai.OpenAI) -> Any:
    answer = client.chat.completions.create(model="demo-reasoner", messages=ASK)
    assert "scripted reasoning" in answer.choices[0].message.model_dump()["reasoning_content"]
    return answer.model_dump()


def embeddings(client: openai.OpenAI) -> Any:
    answer = client.embeddings.create(model="demo-embedding", input=["red fox", "bank rates"])
    assert [round(math.hypot(*item.embedding), 4) for item in answer.data] == [1.0, 1.0]
    return answer.model_dump()


def completions(client: openai.OpenAI) -> Any:
    answer = client.completions.create(model="demo", prompt=["one", "two"], logprobs=3, max_tokens=9)
    assert len(answer.choices) == 2
    assert answer.choices[0].logprobs is not None
    return answer.model_dump()


def completions_stream(client: openai.OpenAI) -> Any:
    chunks = list(client.completions.create(model="demo", prompt="one", max_tokens=9, stream=True))
    assert sum(bool(chunk.choices[0].text) for chunk in chunks) == 9
    return [chunk.model_dump() for chunk in chunks]


def responses(client: openai.OpenAI) -> Any:
    answer = client.responses.create(
        model="demo", input="Hello", include=["message.output_text.logprobs"], top_logprobs=4
    )
    assert answer.output_text.startswith("This is the demo upstream")
    return answer.model_dump()


def responses_stream(client: openai.OpenAI) -> Any:
    with client.responses.stream(model="demo-reasoner", input="Hello", instructions="Be terse.") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert final.status == "completed"
    return events, final


def responses_tools(client: openai.OpenAI) -> Any:
    with client.responses.stream(model="demo", input="get_weather, please", tools=[_FLAT]) as stream:
        stream.until_done()
        final = stream.get_final_response()
    assert final.output[0].type == "function_call"
    assert json.loads(final.output[0].arguments) == _ARGUMENTS
    return final


def responses_parse(client: openai.OpenAI) -> Any:
    answer = client.responses.parse(model="demo", input="x", text_format=Person)
    assert answer.output_parsed == Person(name="demo", age=1)
    return answer


def models(client: openai.OpenAI) -> Any:
    listed = [model.model_dump() for model in client.models.list()]
    assert client.models.retrieve("demo").model_dump() in listed
    return listed


def raw(client: openai.OpenAI) -> Any:
    answer = client.chat.completions.with_raw_response.create(model="demo", messages=ASK)
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    return answer.status_code, headers, answer.http_response.content


def refused_by_the_server(client: openai.OpenAI) -> Any:
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="demo", messages=ASK, top_logprobs=5)
    assert raised.value.param == "top_logprobs"
    return raised.value.body, raised.value.request_id


def unknown_model(client: openai.OpenAI) -> Any:
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("other")
    return raised.value.body


def unknown_path(client: openai.OpenAI) -> Any:
    with pytest.raises(openai.NotFoundError) as raised:
        client.post("/nothing/here", body={"a": 1}, cast_to=object)
    return raised.value.body


CASES: tuple[Case, ...] = (
    chat, chat_stream, chat_logprobs, chat_logprobs_stream, tools, tools_stream, tool_round_trip, schema,
    parse, reasoning, embeddings, completions, completions_stream, responses, responses_stream,
    responses_tools, responses_parse, models, raw, refused_by_the_server, unknown_model, unknown_path,
)  # fmt: skip

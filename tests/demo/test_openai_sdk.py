"""The official OpenAI SDK against the demo upstream."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from openai.types.responses import ResponseFunctionToolCall
from pydantic import BaseModel

from gateway.demo.plan import MODELS

ASK: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "You are terse."},
    {"role": "user", "content": "Say something."},
]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
            "required": ["city", "days"],
        },
    },
}


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture
def client(demo_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=demo_url + "/v1", api_key="demo", max_retries=0) as client:
        yield client


def test_a_chat_answer_says_that_it_is_scripted_and_never_changes(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(model="demo", messages=ASK)
    again = client.chat.completions.create(model="demo", messages=ASK)
    assert first == again
    assert str(first.choices[0].message.content).startswith("This is the demo upstream")
    assert first.choices[0].finish_reason == "stop"
    assert first.usage is not None
    assert first.usage.total_tokens == first.usage.prompt_tokens + first.usage.completion_tokens
    assert first._request_id == again._request_id
    assert str(first._request_id).startswith("req_")


def test_choices_and_seeds_differ(client: openai.OpenAI) -> None:
    both = client.chat.completions.create(model="demo", messages=ASK, n=2)
    other = client.chat.completions.create(model="demo", messages=ASK, seed=7)
    assert len({choice.message.content for choice in (*both.choices, *other.choices)}) == 3


def test_a_stream_gives_the_same_text_and_usage_at_its_end(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="demo", messages=ASK, n=2)
    stream = client.chat.completions.create(
        model="demo", messages=ASK, n=2, stream=True, stream_options={"include_usage": True}
    )
    texts, usage, finished = ["", ""], None, []
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            finished += [choice.finish_reason] if choice.finish_reason else []
    assert texts == [choice.message.content for choice in whole.choices]
    assert usage == whole.usage
    assert finished == ["stop", "stop"]


def test_a_stream_without_the_option_has_no_usage(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="demo", messages=ASK, stream=True)
    assert [chunk.usage for chunk in stream if chunk.usage] == []


def test_logprobs_cover_the_text_and_rank_the_token_first(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="demo", messages=ASK, logprobs=True, top_logprobs=20)
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(entry.token for entry in logprobs.content) == answer.choices[0].message.content
    for entry in logprobs.content:
        assert entry.bytes == list(entry.token.encode())
        ranks = [one.logprob for one in entry.top_logprobs]
        assert len(ranks) == 20
        assert (entry.token, entry.logprob) == (entry.top_logprobs[0].token, ranks[0])
        assert ranks == sorted(ranks, reverse=True)
        assert sum(map(math.exp, ranks)) <= 1.0
        assert len({one.token for one in entry.top_logprobs}) == 20


def test_streamed_logprobs_are_the_same_as_whole_ones(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="demo", messages=ASK, logprobs=True, top_logprobs=3)
    stream = client.chat.completions.create(
        model="demo", messages=ASK, logprobs=True, top_logprobs=3, stream=True
    )
    entries = [
        entry
        for chunk in stream
        for choice in chunk.choices
        if choice.logprobs
        for entry in choice.logprobs.content or []
    ]
    assert whole.choices[0].logprobs is not None
    assert entries == whole.choices[0].logprobs.content


def test_max_tokens_and_stop_cut_the_text(client: openai.OpenAI) -> None:
    short = client.chat.completions.create(model="demo", messages=ASK, max_completion_tokens=3)
    assert (short.choices[0].message.content, short.choices[0].finish_reason) == ("This is the", "length")
    stopped = client.chat.completions.create(model="demo", messages=ASK, stop=["upstream", "demo"])
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == ("This is the ", "stop")


@pytest.mark.parametrize("asked", ["required", "named", "mentioned"])
def test_a_tool_is_called_with_arguments_of_the_right_types(client: openai.OpenAI, asked: str) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "Use get_weather" if asked == "mentioned" else "Hello"}
    ]
    if asked == "required":
        answer = client.chat.completions.create(
            model="demo", messages=messages, tools=[WEATHER], tool_choice="required"
        )
    elif asked == "named":
        answer = client.chat.completions.create(
            model="demo",
            messages=messages,
            tools=[WEATHER],
            tool_choice={"type": "function", "function": {"name": "get_weather"}},
        )
    else:
        answer = client.chat.completions.create(model="demo", messages=messages, tools=[WEATHER])
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    call = choice.message.tool_calls[0]
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather",
        {"city": "demo", "days": 2},
    )


def test_a_tool_that_is_not_wanted_is_not_called(client: openai.OpenAI) -> None:
    plain = client.chat.completions.create(model="demo", messages=ASK, tools=[WEATHER])
    assert plain.choices[0].message.tool_calls is None
    mention: list[ChatCompletionMessageParam] = [{"role": "user", "content": "get_weather"}]
    never = client.chat.completions.create(
        model="demo", messages=mention, tools=[WEATHER], tool_choice="none"
    )
    assert never.choices[0].message.tool_calls is None
    after: list[ChatCompletionMessageParam] = [
        *mention,
        {"role": "assistant", "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
        ]},
        {"role": "tool", "tool_call_id": "c", "content": "sunny, says get_weather"},
    ]  # fmt: skip
    answered = client.chat.completions.create(model="demo", messages=after, tools=[WEATHER])
    assert answered.choices[0].finish_reason == "stop"


def test_the_sdks_stream_helper_puts_a_tool_call_together(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="demo", messages=ASK, tools=[WEATHER], tool_choice="required"
    ) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].type == "function"
    assert json.loads(calls[0].function.arguments) == {"city": "demo", "days": 2}


def test_a_schema_is_answered_with_an_instance(client: openai.OpenAI) -> None:
    parsed = client.chat.completions.parse(model="demo", messages=ASK, response_format=Person)
    assert parsed.choices[0].message.parsed == Person(name="demo", age=1)
    loose = client.chat.completions.create(
        model="demo", messages=ASK, response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(str(loose.choices[0].message.content)), dict)


@pytest.mark.parametrize("limit", [None, 4])
def test_the_reasoner_shows_its_reasoning(client: openai.OpenAI, limit: int | None) -> None:
    answer = client.chat.completions.create(model="demo-reasoner", messages=ASK, max_tokens=limit)
    shown = getattr(answer.choices[0].message, "reasoning_content", None)
    assert str(shown).startswith("This is scripted")
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    thought = answer.usage.completion_tokens_details.reasoning_tokens
    assert (thought == 4) is (limit == 4)
    stream = client.chat.completions.create(
        model="demo-reasoner", messages=ASK, stream=True, max_tokens=limit
    )
    pieces = [getattr(chunk.choices[0].delta, "reasoning_content", "") or "" for chunk in stream]
    assert "".join(pieces) == shown


# --- text completions, embeddings, models ------------------------------------------------------


def test_text_completions_answer_every_prompt_n_times(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="demo", prompt=["one", "two"], n=2, max_tokens=50)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert all(choice.text.startswith("This is the demo upstream") for choice in answer.choices)
    assert client.completions.create(model="demo", prompt=[1, 2, 3]).choices[0].text
    assert len(client.completions.create(model="demo", prompt=[[1], [2]]).choices) == 2


def test_text_completions_echo_and_count_offsets(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="demo", prompt="Once upon", echo=True, logprobs=2, max_tokens=5)
    choice = answer.choices[0]
    assert choice.text.startswith("Once uponThis is")
    assert choice.logprobs is not None
    assert choice.logprobs.tokens is not None
    assert "".join(choice.logprobs.tokens) == choice.text
    assert choice.logprobs.text_offset == [0, 4, 9, 13, 16, 20, 25]
    assert [len(ranked) for ranked in choice.logprobs.top_logprobs or []] == [2] * 7


def test_a_text_completion_stream_gives_the_same_text(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="demo", prompt="x", max_tokens=30)
    stream = client.completions.create(
        model="demo",
        prompt="x",
        max_tokens=30,
        stream=True,
        stream_options={"include_usage": True},
        logprobs=1,
    )
    chunks = list(stream)
    logprobs = [choice.logprobs for chunk in chunks for choice in chunk.choices if choice.logprobs]
    offsets = [offset for one in logprobs for offset in one.text_offset or []]
    assert (offsets[:4], len(offsets)) == ([0, 4, 7, 11], 30)
    plain = client.completions.create(model="demo", prompt="x", max_tokens=1, stream=True)
    assert [chunk.usage for chunk in plain] == [None, None]
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == whole.choices[0].text
    assert chunks[-1].usage == whole.usage


def test_embeddings_are_unit_vectors_that_share_words(client: openai.OpenAI) -> None:
    data = client.embeddings.create(
        model="demo-embedding", input=["red fox", "red fox ran", "bank rates"]
    ).data
    vectors = [item.embedding for item in data]

    def cosine(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert [round(cosine(vector, vector), 4) for vector in vectors] == [1.0, 1.0, 1.0]
    assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2])
    small = client.embeddings.create(model="demo", input="x", dimensions=8, encoding_format="float").data[0]
    assert len(small.embedding) == 8


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == list(MODELS)
    assert client.models.retrieve("demo").owned_by == "demo"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


# --- responses ---------------------------------------------------------------------------------


def test_a_response_and_its_stream_end_the_same(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="demo", input="Hello", instructions="Be terse.")
    assert whole.output_text.startswith("This is the demo upstream")
    assert whole.status == "completed"
    with client.responses.stream(model="demo", input="Hello", instructions="Be terse.") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == whole.output_text == final.output_text
    assert final.usage == whole.usage


def test_response_events_are_numbered_in_order(client: openai.OpenAI) -> None:
    events = list(client.responses.create(model="demo-reasoner", input="Hello", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert "response.reasoning_summary_text.delta" in {event.type for event in events}


def test_a_response_may_be_cut_off(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="demo", input="Hello", max_output_tokens=3)
    assert (whole.status, whole.output_text) == ("incomplete", "This is the")
    events = list(client.responses.create(model="demo", input="Hello", max_output_tokens=3, stream=True))
    assert events[-1].type == "response.incomplete"


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_calls_a_function(client: openai.OpenAI, stream: bool) -> None:
    parameters = WEATHER["function"]["parameters"]
    with client.responses.stream(
        model="demo",
        input=[{"role": "user", "content": [{"type": "input_text", "text": "get_weather please"}]}],
        tools=[{"type": "function", "name": "get_weather", "parameters": parameters, "strict": True}],
    ) as events:
        streamed = events.get_final_response()
    whole = client.responses.create(
        model="demo",
        input="x",
        tools=[{"type": "function", "name": "get_weather", "parameters": parameters, "strict": True}],
        tool_choice={"type": "function", "name": "get_weather"} if stream else "required",
    )
    for response in (streamed, whole):
        call = response.output[0]
        assert isinstance(call, ResponseFunctionToolCall)
        assert json.loads(call.arguments) == {"city": "demo", "days": 2}


def test_a_response_carries_logprobs_and_structured_text(client: openai.OpenAI) -> None:
    answer = client.responses.create(
        model="demo", input="x", include=["message.output_text.logprobs"], top_logprobs=4
    )
    message = answer.output[0]
    assert message.type == "message"
    part = message.content[0]
    assert part.type == "output_text"
    assert part.logprobs is not None
    assert [len(entry.top_logprobs) for entry in part.logprobs] == [4] * len(part.logprobs)
    parsed = client.responses.parse(model="demo", input="x", text_format=Person)
    assert parsed.output_parsed == Person(name="demo", age=1)


def test_a_response_reasons_when_asked_and_calls_nothing_when_forbidden(client: openai.OpenAI) -> None:
    parameters = WEATHER["function"]["parameters"]
    answer = client.responses.create(
        model="demo",
        input="get_weather",
        reasoning={"effort": "low"},
        tools=[{"type": "function", "name": "get_weather", "parameters": parameters, "strict": True}],
        tool_choice="none",
    )
    assert [item.type for item in answer.output] == ["reasoning", "message"]


def test_nothing_is_stored(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="stores no responses"):
        client.responses.create(model="demo", input="x", previous_response_id="resp_1")

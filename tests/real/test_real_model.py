"""The main job with a real model: through a shadow gateway comes what the model server says, to the byte."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.processes import GatewayProcess, wait_for
from tests.real.model_server import MODEL_NAME, ModelServer

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Name three colours."}]
_SHORT: ChatCompletionMessageParam = {"role": "system", "content": ""}
"""In place of the template's own system prompt, which costs a fifth of a second."""
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {
            "type": "object",
            "properties": {"value": {"type": "string", "maxLength": 20}},
            "required": ["value"],
        },
    },
}
GREEDY: dict[str, Any] = {"model": MODEL_NAME, "temperature": 0, "max_tokens": 12}
COLOUR = {"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"]}
LONG = {"model": MODEL_NAME, "max_tokens": 1500, "extra_body": {"ignore_eos": True}}


@contextmanager
def sdk(url: str, key: str = "sk-real") -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        yield client


def post(url: str, path: str, body: dict[str, Any]) -> bytes:
    headers = {"content-type": "application/json", "authorization": "Bearer sk-raw"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return bytes(answer.read())


# --- what the SDK makes of it ----------------------------------------------------------------------


def chat(client: openai.OpenAI) -> Any:
    answer = client.chat.completions.create(messages=ASK, **GREEDY)
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 3
    return answer.choices, answer.usage


def chat_stream(client: openai.OpenAI) -> Any:
    with client.chat.completions.create(messages=ASK, stream=True, **GREEDY) as stream:
        chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    whole = client.chat.completions.create(messages=ASK, **GREEDY)
    assert text == whole.choices[0].message.content
    return [chunk.choices for chunk in chunks]


def logprobs(client: openai.OpenAI) -> Any:
    answer = client.chat.completions.create(messages=ASK, logprobs=True, top_logprobs=20, **GREEDY)
    assert answer.choices[0].logprobs is not None
    entries = answer.choices[0].logprobs.content or []
    assert {len(entry.top_logprobs) for entry in entries} == {20}
    return answer.choices


def tools(client: openai.OpenAI) -> Any:
    asked = {**GREEDY, "max_tokens": 60}
    answer = client.chat.completions.create(messages=ASK, tools=[TOOL], tool_choice="required", **asked)
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].type == "function"
    assert "value" in json.loads(calls[0].function.arguments)
    return [call.function for call in calls if call.type == "function"]


def tools_stream(client: openai.OpenAI) -> Any:
    asked = {**GREEDY, "max_tokens": 60}
    with client.chat.completions.stream(
        messages=ASK, tools=[TOOL], tool_choice="required", **asked
    ) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert calls is not None
    return [call.function.arguments for call in calls]


def schema(client: openai.OpenAI) -> Any:
    form: Any = {"type": "json_schema", "json_schema": {"name": "colour", "schema": COLOUR, "strict": True}}
    answer = client.chat.completions.create(
        messages=ASK, response_format=form, **(GREEDY | {"max_tokens": 40})
    )
    assert json.loads(str(answer.choices[0].message.content))["colour"] in ("red", "blue")
    return answer.choices


def several(client: openai.OpenAI) -> Any:
    # One token of each, as what follows is sampled side by side and may differ in the last bit.
    answer = client.chat.completions.create(messages=ASK, n=3, **(GREEDY | {"max_tokens": 1}))
    assert len(answer.choices) == 3
    return [choice.message for choice in answer.choices]


def completions(client: openai.OpenAI) -> Any:
    answer = client.completions.create(prompt="Once upon a time", logprobs=3, **GREEDY)
    assert answer.choices[0].text
    return answer.choices[0].text, answer.usage


def embeddings(client: openai.OpenAI) -> Any:
    answer = client.embeddings.create(model=MODEL_NAME, input=["red fox", "bank rates"])
    assert [len(item.embedding) for item in answer.data] == [576, 576]
    return answer


def responses(client: openai.OpenAI) -> Any:
    answer = client.responses.create(model=MODEL_NAME, input="Say hi.", temperature=0, max_output_tokens=12)
    assert answer.output_text
    return answer.output_text, answer.usage


def responses_stream(client: openai.OpenAI) -> Any:
    stream = client.responses.create(
        model=MODEL_NAME, input="Say hi.", temperature=0, max_output_tokens=12, stream=True
    )
    events = list(stream)
    assert events[-1].type == "response.completed"
    return [event.type for event in events], [
        event.delta for event in events if event.type == "response.output_text.delta"
    ]


def models(client: openai.OpenAI) -> Any:
    [listed] = list(client.models.list())
    return listed.id


_CASES = (
    chat, chat_stream, logprobs, tools, tools_stream, schema, several, completions, embeddings, responses,
    responses_stream, models,
)  # fmt: skip


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.__name__)
def test_the_openai_sdk_gets_the_same_through_a_shadow_gateway(
    case: Callable[[openai.OpenAI], Any], model: ModelServer, shadow: GatewayProcess
) -> None:
    with sdk(model.base_url) as client:
        direct = case(client)
    with sdk(shadow.url) as client:
        assert case(client) == direct


def test_the_anthropic_sdk_gets_the_same_through_a_shadow_gateway(
    model: ModelServer, shadow: GatewayProcess
) -> None:
    def ask(url: str) -> Any:
        with anthropic.Anthropic(base_url=url, api_key="sk-real", max_retries=0) as client:
            # This client no longer knows `temperature`; servers do.
            asked: Any = {"model": MODEL_NAME, "max_tokens": 12, "messages": ASK}
            asked["extra_body"] = {"temperature": 0}
            whole = client.messages.create(**asked)
            with client.messages.stream(**asked) as stream:
                streamed = stream.get_final_message()
            counted = client.messages.count_tokens(model=MODEL_NAME, messages=asked["messages"])
        texts = [str(block.to_dict()["text"]) for answer in (whole, streamed) for block in answer.content]
        assert texts[0] == texts[1] != ""
        return texts, whole.usage, streamed.usage, counted

    assert ask(shadow.url) == ask(model.base_url)


_PASSING = re.compile(
    rb'"(?:created|created_at|completed_at)":\d+|"timings":\{[^}]*\}|"id_slot":\d+'
    rb'|"(?:id|item_id|call_id)":"[^"]*"'
)
"""What differs from one answer to the next: ids, times, slots."""


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": ASK, "logprobs": True, "top_logprobs": 9}),
        ("/v1/completions", {"prompt": "Once upon a time", "logprobs": 9}),
        ("/completion", {"prompt": "Once upon a time", "n_predict": 12, "n_probs": 9}),
        ("/v1/responses", {"input": "Say hi.", "max_output_tokens": 12}),
        ("/v1/messages", {"messages": ASK}),
        ("/v1/embeddings", {"input": "red fox"}),
        ("/tokenize", {"content": "red fox"}),
    ],
)
def test_a_greedy_answer_is_the_model_servers_own_to_the_byte(
    path: str, body: dict[str, Any], model: ModelServer, shadow: GatewayProcess
) -> None:
    body = {**GREEDY, **body} if path != "/tokenize" else body
    direct = post(model.base_url, path, body)
    through = post(shadow.url, path, body)
    assert _PASSING.sub(b"", through) == _PASSING.sub(b"", direct)
    assert len(through) > 10


def test_the_servers_own_errors_come_back_unchanged(model: ModelServer, shadow: GatewayProcess) -> None:
    def refusal(url: str) -> tuple[int, bytes]:
        with pytest.raises(urllib.error.HTTPError) as raised:
            post(url, "/v1/chat/completions", {"messages": ASK, "top_logprobs": 3})
        with raised.value as error:
            return error.code, error.read()

    assert refusal(shadow.url) == refusal(model.base_url)
    assert refusal(shadow.url)[0] == 400


def test_requests_right_after_streams_do_not_meet_the_server_closing(shadow: GatewayProcess) -> None:
    # llama.cpp's server closes a connection unannounced when it has streamed over it.
    body = {"prompt": "a", "n_predict": 1, "temperature": 0}
    for _ in range(60):
        assert post(shadow.url, "/completion", {**body, "stream": True}).startswith(b"data: ")
        assert b'"stop":true' in post(shadow.url, "/completion", body)


# --- load and leaving --------------------------------------------------------------------------------


def test_async_calls_at_once_are_all_answered(shadow: GatewayProcess) -> None:
    async def run() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{shadow.url}/v1", api_key="sk", max_retries=0) as client:

            async def one(number: int) -> str:
                said: list[ChatCompletionMessageParam] = [
                    _SHORT,
                    {"role": "user", "content": f"Say {number}."},
                ]
                answer = await client.chat.completions.create(messages=said, **(GREEDY | {"max_tokens": 4}))
                return str(answer.choices[0].message.content)

            return await asyncio.gather(*map(one, range(20)))

    answers = asyncio.run(run())
    assert len(answers) == 20
    assert all(answers)


def _generated(model: ModelServer) -> int:
    """Tokens that the engine has generated since its start."""
    with urllib.request.urlopen(f"{model.base_url}/metrics", timeout=30) as answer:
        found = re.search(rb"^llamacpp:tokens_predicted_total (\d+)", answer.read(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def _busy(model: ModelServer) -> bool:
    with urllib.request.urlopen(f"{model.base_url}/slots", timeout=30) as answer:
        return any(slot["is_processing"] for slot in json.load(answer))


def test_a_client_that_leaves_its_stream_frees_the_models_slot(
    model: ModelServer, shadow: GatewayProcess
) -> None:
    key = "sk-leaves"
    before = _generated(model)
    with sdk(shadow.url, key) as client:
        stream = client.chat.completions.create(messages=ASK, stream=True, **LONG)  # type: ignore[call-overload]
        assert next(iter(stream)).choices
        assert _busy(model)
        stream.close()
    assert wait_for(lambda: not _busy(model), "a free slot")
    assert 0 < _generated(model) - before < 1000
    [record] = shadow.records(key)
    assert (record["error"], record["finished"]) == ("client_gone", False)
    assert 0 < record["usage"]["output_tokens"] < 1000


def test_usage_and_features_of_real_answers_are_recorded(shadow: GatewayProcess) -> None:
    key = "sk-recorded"
    with sdk(shadow.url, key) as client:
        answer = client.chat.completions.create(messages=ASK, logprobs=True, top_logprobs=4, **GREEDY)
        with client.chat.completions.create(messages=ASK, stream=True, **GREEDY) as stream:
            pieces = sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in stream)
    assert answer.usage is not None
    whole, streamed = shadow.records(key, 2)
    assert whole["usage"]["input_tokens"] == answer.usage.prompt_tokens
    assert whole["usage"]["output_tokens"] == answer.usage.completion_tokens
    assert whole["usage"]["logprob_tokens"] == answer.usage.completion_tokens
    assert (whole["features"]["parameters"]["top_logprobs"], whole["features"]["messages"]) == (4, 1)
    assert abs(streamed["usage"]["output_tokens"] - pieces) <= 2

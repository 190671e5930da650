"""The APIs without an official Python SDK here, errors in every shape, and the pace of streams."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import httpx
import pytest

from gateway.demo import app, create_app
from gateway.demo.plan import MODELS
from gateway.demo.service import DELAY

HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"properties": {"city": {"type": "string"}}}},
}


def post(url: str, path: str, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(url + path, content=content, headers=headers)


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


def events(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"].startswith("text/event-stream")
    return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]


# --- Ollama ------------------------------------------------------------------------------------


def test_an_ollama_chat_streams_unless_told_not_to(demo_url: str) -> None:
    body = {"model": "demo", "messages": HELLO}
    streamed = lines(post(demo_url, "/api/chat", body))
    whole = post(demo_url, "/api/chat", {**body, "stream": False}).json()
    assert "".join(line["message"]["content"] for line in streamed) == whole["message"]["content"]
    assert whole["message"]["content"].startswith("This is the demo upstream")
    assert [line["done"] for line in streamed] == [False] * (len(streamed) - 1) + [True]
    assert streamed[-1]["eval_count"] == whole["eval_count"] == len(streamed) - 1
    assert (whole["done_reason"], whole["prompt_eval_count"]) == ("stop", 1)


def test_an_ollama_generate_has_a_response_and_obeys_its_options(demo_url: str) -> None:
    body = {"model": "demo", "prompt": "Hello", "system": "Be terse.", "options": {"num_predict": 3}}
    whole = post(demo_url, "/api/generate", {**body, "stream": False}).json()
    assert (whole["response"], whole["done_reason"], whole["prompt_eval_count"]) == (
        "This is the",
        "length",
        4,
    )
    streamed = lines(post(demo_url, "/api/generate", body))
    assert "".join(line["response"] for line in streamed) == "This is the"
    unlimited = {**body, "options": {"num_predict": -1, "stop": ["demo"]}, "stream": False}
    assert post(demo_url, "/api/generate", unlimited).json()["response"] == "This is the "


@pytest.mark.parametrize(
    ("think", "model", "shown"),
    [
        (None, "demo", False),
        (True, "demo", True),
        (None, "demo-reasoner", True),
        (False, "demo-reasoner", False),
    ],
)
def test_ollama_shows_thinking_when_the_model_or_the_client_wants_it(
    demo_url: str, think: bool | None, model: str, shown: bool
) -> None:
    body = {"model": model, "messages": HELLO} | ({} if think is None else {"think": think})
    whole = post(demo_url, "/api/chat", {**body, "stream": False}).json()
    assert ("thinking" in whole["message"]) is shown
    assert whole["model"] == model
    streamed = lines(post(demo_url, "/api/chat", body))
    thought = "".join(line["message"].get("thinking", "") for line in streamed)
    assert thought == whole["message"].get("thinking", "")
    prompted = {"model": model, "prompt": "Hello", "stream": False} | (
        {} if think is None else {"think": think}
    )
    assert ("thinking" in post(demo_url, "/api/generate", prompted).json()) is shown


def test_ollama_calls_a_tool_that_is_mentioned_with_an_object(demo_url: str) -> None:
    body = {"model": "demo", "messages": [{"role": "user", "content": "get_weather"}], "tools": [TOOL]}
    whole = post(demo_url, "/api/chat", {**body, "stream": False}).json()
    called = [{"function": {"name": "get_weather", "arguments": {"city": "demo"}}}]
    assert whole["message"]["tool_calls"] == called
    streamed = lines(post(demo_url, "/api/chat", body))
    assert [line["message"]["tool_calls"] for line in streamed if "tool_calls" in line["message"]] == [called]


@pytest.mark.parametrize("form", ["json", {"type": "object", "properties": {"a": {"type": "null"}}}])
def test_ollama_answers_in_json_when_told_to(demo_url: str, form: Any) -> None:
    body = {"model": "demo", "messages": HELLO, "format": form, "stream": False}
    said = json.loads(post(demo_url, "/api/chat", body).json()["message"]["content"])
    assert said == ({"note": "scripted by the demo upstream"} if form == "json" else {"a": None})


@pytest.mark.parametrize("k", [None, 3])
def test_ollama_gives_logprobs_when_asked(demo_url: str, k: int | None) -> None:
    body = {"model": "demo", "messages": HELLO, "logprobs": True, "top_logprobs": k}
    whole = post(demo_url, "/api/chat", {**body, "stream": False}).json()
    assert "".join(entry["token"] for entry in whole["logprobs"]) == whole["message"]["content"]
    assert [len(entry.get("top_logprobs", [])) for entry in whole["logprobs"]] == [k or 0] * whole[
        "eval_count"
    ]
    streamed = lines(post(demo_url, "/api/chat", body))
    assert [entry for line in streamed for entry in line.get("logprobs", [])] == whole["logprobs"]


def test_ollama_lists_its_models(demo_url: str) -> None:
    assert [model["name"] for model in httpx.get(demo_url + "/api/tags").json()["models"]] == list(MODELS)


# --- llama.cpp ---------------------------------------------------------------------------------


def test_a_llamacpp_completion_streams_the_same_content(demo_url: str) -> None:
    body = {"prompt": "Hello", "n_predict": 12}
    whole = post(demo_url, "/completion", body).json()
    streamed = events(post(demo_url, "/completion", {**body, "stream": True}))
    assert "".join(event["content"] for event in streamed) == whole["content"]
    assert (whole["tokens_predicted"], whole["stop_type"], whole["stop"]) == (12, "limit", True)
    assert [event["stop"] for event in streamed] == [False] * 12 + [True]
    assert "completion_probabilities" not in whole


def test_llamacpp_says_why_it_stopped(demo_url: str) -> None:
    assert post(demo_url, "/completion", {"prompt": ["Hel", "lo"]}).json()["stop_type"] == "eos"
    stopped = post(demo_url, "/completion", {"prompt": "x", "stop": "demo"}).json()
    assert (stopped["stop_type"], stopped["stopping_word"]) == ("word", "demo")


def test_llamacpp_gives_probabilities_before_or_after_sampling(demo_url: str) -> None:
    body = {"prompt": "Hello", "n_predict": 4, "n_probs": 3}
    before = post(demo_url, "/completion", body).json()["completion_probabilities"]
    after = post(demo_url, "/completion", {**body, "post_sampling_probs": True}).json()
    for one, other in zip(before, after["completion_probabilities"], strict=True):
        assert len(one["top_logprobs"]) == len(other["top_probs"]) == 3
        assert math.isclose(math.exp(one["logprob"]), other["prob"])
    streamed = events(post(demo_url, "/completion", {**body, "stream": True}))
    assert [entry for event in streamed for entry in event.get("completion_probabilities", [])] == before


def test_llamacpp_has_no_more_alternatives_than_words(demo_url: str) -> None:
    body = {"prompt": "Hello", "n_predict": 1, "n_probs": 100}
    entry = post(demo_url, "/completion", body).json()["completion_probabilities"][0]
    assert len(entry["top_logprobs"]) == 23


def test_llamacpp_answers_with_an_instance_of_a_schema(demo_url: str) -> None:
    body = {"prompt": "x", "json_schema": {"type": "array", "items": {"type": "boolean"}, "minItems": 2}}
    assert post(demo_url, "/completion", body).json()["content"] == "[true, true]"


# --- errors ------------------------------------------------------------------------------------

CHAT, MESSAGES, OLLAMA, LLAMACPP = "/v1/chat/completions", "/v1/messages", "/api/chat", "/completion"


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b"\xff", b"{}", b"[" * 100_000])
def test_a_malformed_body_is_an_error_in_the_shape_of_its_api(demo_url: str, raw: bytes) -> None:
    answers = {path: post(demo_url, path, raw) for path in (CHAT, MESSAGES, OLLAMA, LLAMACPP)}
    assert {answer.status_code for answer in answers.values()} == {400}
    bodies = {path: answer.json() for path, answer in answers.items()}
    assert bodies[CHAT]["error"].keys() == {"message", "type", "param", "code"}
    assert (bodies[MESSAGES]["type"], bodies[MESSAGES]["error"]["type"]) == ("error", "invalid_request_error")
    assert isinstance(bodies[OLLAMA]["error"], str)
    assert bodies[LLAMACPP]["error"]["code"] == 400
    assert all(answer.headers["x-request-id"].startswith("req_") for answer in answers.values())


@pytest.mark.parametrize(
    ("path", "change", "param"),
    [
        (CHAT, {"model": None}, "model"),
        (CHAT, {"model": 1}, "model"),
        (CHAT, {"messages": []}, "messages"),
        (CHAT, {"messages": ["x"]}, "messages.0"),
        (CHAT, {"messages": [{"content": "x"}]}, "messages.0.role"),
        (CHAT, {"n": 0}, "n"),
        (CHAT, {"n": True}, "n"),
        (CHAT, {"stream": "yes"}, "stream"),
        (CHAT, {"stop": [1]}, "stop"),
        (CHAT, {"stop": 1}, "stop"),
        (CHAT, {"tools": {}}, "tools"),
        (CHAT, {"response_format": "json"}, "response_format"),
        (CHAT, {"top_logprobs": 3}, "top_logprobs"),
        (CHAT, {"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ("/v1/completions", {"prompt": None}, "prompt"),
        ("/v1/completions", {"prompt": []}, "prompt"),
        ("/v1/completions", {"prompt": ["x", 1]}, "prompt"),
        ("/v1/completions", {"prompt": "x", "n": 2, "best_of": 1}, "best_of"),
        ("/v1/embeddings", {"input": {}}, "input"),
        ("/v1/responses", {"input": None}, "input"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_its_parameter(
    demo_url: str, path: str, change: dict[str, Any], param: str
) -> None:
    answer = post(demo_url, path, {"model": "demo", "messages": HELLO, **change})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_message_without_max_tokens_is_refused_as_by_anthropic(demo_url: str) -> None:
    answer = post(demo_url, MESSAGES, {"model": "demo", "messages": HELLO})
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "type": "invalid_request_error",
        "message": "max_tokens: Field required",
    }


@pytest.mark.parametrize("path", ["/v1/nothing", "/api/nothing", "/v2/chat/completions"])
def test_an_unknown_path_is_not_found(demo_url: str, path: str) -> None:
    assert post(demo_url, path, {}).status_code == 404
    assert httpx.get(demo_url + path).status_code == 404
    theirs = post(demo_url, path, {}, **{"anthropic-version": "2023-06-01"}).json()
    assert theirs["error"]["type"] == "not_found_error"


def test_a_known_path_with_another_method_is_not_allowed(demo_url: str) -> None:
    assert httpx.get(demo_url + CHAT).status_code == 405
    assert httpx.put(demo_url + CHAT).status_code == 405


def test_a_base_url_without_version_works_too(demo_url: str) -> None:
    body = {"model": "demo", "messages": HELLO}
    assert post(demo_url, "/chat/completions", body).json() == post(demo_url, CHAT, body).json()


def test_head_has_the_length_of_get_and_no_body(demo_url: str) -> None:
    full, head = httpx.get(demo_url + "/health"), httpx.head(demo_url + "/health")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(full.content)))
    assert "scripted" in full.text


def test_a_body_that_is_nested_too_deeply_is_refused(demo_url: str) -> None:
    content: Any = "x"
    for _ in range(900):
        content = [content]
    answer = post(demo_url, CHAT, {"model": "demo", "messages": [{"role": "user", "content": content}]})
    assert answer.status_code == 400


def test_lone_surrogates_and_odd_numbers_come_back_as_valid_json(demo_url: str) -> None:
    schema = {"properties": {"a": {"default": "\ud800"}, "b": {"type": "number", "minimum": math.nan}}}
    body = {"model": "\ud800", "messages": HELLO, "format": schema, "stream": False}
    answer = post(demo_url, OLLAMA, body)
    assert (answer.status_code, answer.json()["model"]) == (200, "?")


@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        ([{"type": "custom", "custom": {"name": "x"}}, TOOL], "required"),
        ([TOOL], {"type": "function", "function": {"name": "unknown"}}),
        (
            [{"type": "function", "function": {"name": "get_weather", "parameters": {"enum": [1]}}}],
            "required",
        ),
    ],
)
def test_odd_tools_still_get_a_call_with_an_object(demo_url: str, tools: list[Any], choice: Any) -> None:
    body = {"model": "demo", "messages": HELLO, "tools": tools, "tool_choice": choice}
    call = post(demo_url, CHAT, body).json()["choices"][0]["message"]["tool_calls"][0]["function"]
    assert call["name"] == "get_weather"
    assert isinstance(json.loads(call["arguments"]), dict)


# --- pace --------------------------------------------------------------------------------------


def test_the_environment_sets_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DEMO_DELAY", "not a number")
    with pytest.raises(ValueError, match="not a number"):
        create_app()
    assert create_app(DELAY) is not app


Message = dict[str, Any]


async def drive(messages: list[Message], delay: float) -> list[Message]:
    """The messages that a streaming chat sends to a client that sends `messages`."""
    sent: list[Message] = []
    scope = {"type": "http", "method": "POST", "path": CHAT, "headers": []}

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await create_app(delay)(scope, receive, send)
    return sent


BODY = json.dumps({"model": "demo", "messages": HELLO, "stream": True}).encode()


def test_a_body_may_come_in_parts_and_every_event_is_sent_on_its_own() -> None:
    parts: list[Message] = [
        {"type": "http.request", "body": BODY[:9], "more_body": True},
        {"type": "http.request", "body": BODY[9:]},
    ]
    sent = asyncio.run(drive(parts, 0.0))
    assert all(message["body"].count(b"data: ") == 1 for message in sent[1:-1])
    assert sent[-2]["body"] == b"data: [DONE]\n\n"
    assert not sent[-1].get("more_body", False)


def test_a_client_that_leaves_ends_the_stream() -> None:
    parts: list[Message] = [{"type": "http.request", "body": BODY}, {"type": "http.disconnect"}]
    # An hour between events: only the client's leaving can end this.
    assert len(asyncio.run(drive(parts, 3600.0))) == 2


def test_a_client_that_leaves_inside_its_request_gets_no_answer() -> None:
    assert asyncio.run(drive([{"type": "http.disconnect"}], 0.0)) == []


def test_other_kinds_of_connections_are_ignored() -> None:
    async def never() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        raise AssertionError

    async def main() -> None:
        await create_app(0.0)({"type": "websocket"}, never, send)

    asyncio.run(main())

"""LiteLLM's rows and payloads, on what LiteLLM itself wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.readers.base import Line
from tests.readers.support import DATA, read, read_one, settings

KEY = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"
ROW: dict[str, Any] = {
    "request_id": "r",
    "call_type": "acompletion",
    "startTime": "2026-11-23T14:08:23",
    "api_key": KEY,
    "model": "m",
}


def _file(name: str) -> list[Line]:
    return read("litellm", (DATA / name).read_bytes())


def _body(line: Line) -> Any:
    return json.loads(bytes(line.request))


def test_rows_with_prompts_give_the_request_as_it_was_sent() -> None:
    chat, stream, embedding = _file("litellm-spend-prompts.jsonl")
    assert _body(chat) == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "Why is the sky blue?"}],
        "max_tokens": 20,
        "logprobs": True,
        "top_logprobs": 5,
        "temperature": 0.2,
    }
    assert _body(stream)["stream"] is True
    assert (embedding.route, _body(embedding)["input"]) == ("/v1/embeddings", ["a", "b"])
    assert chat.lacks == ("request.bytes", "principal.tier")
    assert (chat.usage, chat.status) == ({"input_tokens": 10, "output_tokens": 20}, 200)
    assert stream.usage == {"input_tokens": 15, "output_tokens": 4, "reasoning_tokens": 0}


def test_a_table_gives_what_the_same_rows_give_as_json() -> None:
    chat, messages = _file("litellm-spend.csv")
    assert _body(chat)["messages"][1] == {"role": "user", "content": "Hello from alice - 你好"}
    assert (chat.org, chat.ip, chat.status) == ("org-a", "127.0.0.1", 200)
    assert chat.usage == {"input_tokens": 10, "output_tokens": 20, "reasoning_tokens": 0}
    assert chat.ts == pytest.approx(1795448511.527)
    assert (messages.route, _body(messages)["system"]) == ("/v1/messages", "Sys.")


def test_what_the_proxy_adds_to_a_request_is_left_out() -> None:
    for line in _file("litellm-spend.csv"):
        assert not {"metadata", "litellm_metadata", "litellm_call_id"} & _body(line).keys()
        assert line.tags == ()
    sent = {"model": "m", "metadata": {"user_id": "u", "headers": {}}, "secret_fields": {}}
    row = ROW | {"proxy_server_request": sent, "request_tags": ["nightly", "User-Agent: sdk", 7]}
    line = read_one("litellm", row)
    assert _body(line) == {"model": "m", "metadata": {"user_id": "u"}}
    assert line.tags == ("nightly",)


def test_rows_without_prompts_say_that_they_lack_them_and_the_parameters() -> None:
    chat, *_ = _file("litellm-spend.jsonl")
    assert chat.features is not None
    assert (chat.features.endpoint, chat.features.model) == ("chat", "gpt-4o")
    assert {"prompt", "parameters", "usage.logprob_tokens"} <= set(chat.lacks)
    assert (chat.principal, chat.org, chat.tags, chat.ip, chat.ua) == (
        KEY,
        "org-a",
        ("nightly",),
        "192.0.2.7",
        "sdk/1",
    )
    assert chat.ts == pytest.approx(1795442903.397863)


def test_callback_payloads_have_messages_and_parameters() -> None:
    chat, _, failed, embedding = _file("litellm-callback.jsonl")
    assert _body(chat)["top_logprobs"] == 5
    assert _body(chat)["messages"] == [{"role": "user", "content": "Why is the sky blue?"}]
    assert (failed.status, chat.status) == (500, 200)
    assert _body(embedding)["input"] == ["a", "b"]
    assert chat.principal == KEY


def test_a_payload_may_stand_in_the_callbacks_arguments() -> None:
    payload = json.loads((DATA / "litellm-callback.jsonl").read_text().splitlines()[0])
    assert read_one("litellm", {"standard_logging_object": payload}).principal == KEY


def test_an_array_and_columns_that_are_objects_are_read_alike() -> None:
    rows = [json.loads(row) for row in (DATA / "litellm-spend-prompts.jsonl").read_text().splitlines()]
    for row in rows:
        for column in ("metadata", "request_tags", "messages", "response", "proxy_server_request"):
            row[column] = json.loads(row[column])
    assert read("litellm", json.dumps(rows, indent=1).encode()) == _file("litellm-spend-prompts.jsonl")


def test_a_key_that_is_no_hash_becomes_one() -> None:
    line = read_one("litellm", ROW | {"api_key": "sk-1234"})
    assert line.principal == settings().identifier().of_key(b"sk-1234").id
    assert "sk-1234" not in line.principal


def test_without_a_key_the_address_is_the_principal_and_without_that_nobody() -> None:
    by_address = read_one("litellm", ROW | {"api_key": "", "requester_ip_address": "192.0.2.7"})
    assert (by_address.kind, "identity" in by_address.lacks) == ("address", False)
    nobody = read_one("litellm", ROW | {"api_key": None})
    assert "identity" in nobody.lacks


def test_logged_bodies_may_hold_the_request_one_level_deeper() -> None:
    sent = {"url": "http://x", "body": {"messages": []}}
    assert _body(read_one("litellm", ROW | {"proxy_server_request": sent})) == {"model": "m", "messages": []}


@pytest.mark.parametrize(
    ("kind", "route", "field", "value"),
    [
        ("atext_completion", "/v1/completions", "prompt", ["x"]),
        ("aresponses", "/v1/responses", "input", [{"role": "user", "content": "x"}]),
        ("anthropic_messages", "/v1/messages", "messages", [{"role": "user", "content": "x"}]),
        ("completion", "/v1/chat/completions", "messages", [{"role": "user", "content": "x"}]),
    ],
)
def test_messages_stand_where_the_api_of_the_call_has_them(
    kind: str, route: str, field: str, value: object
) -> None:
    logged = {"call_type": kind, "messages": [{"role": "user", "content": "x"}], "model_parameters": {"n": 2}}
    line = read_one("litellm", ROW | logged)
    assert (line.route, _body(line)) == (route, {"model": "m", field: value, "n": 2})


def test_messages_may_be_a_bare_text() -> None:
    line = read_one("litellm", ROW | {"call_type": "text_completion", "messages": '"tell me"'})
    assert _body(line)["prompt"] == "tell me"
    assert "parameters" in line.lacks


def test_redacted_messages_are_lacking_and_parameters_are_not() -> None:
    redacted = [{"role": "user", "content": "redacted-by-litellm"}]
    line = read_one("litellm", ROW | {"messages": redacted, "model_parameters": {"n": 4}})
    assert "prompt" in line.lacks
    assert "parameters" not in line.lacks
    assert _body(line) == {"model": "m", "n": 4, "messages": []}


def test_the_logged_route_wins_and_other_calls_are_passed_over() -> None:
    routed = read_one("litellm", ROW | {"metadata": {"user_api_key_request_route": "/v1/messages"}})
    assert routed.route == "/v1/messages"
    assert read("litellm", json.dumps(ROW | {"call_type": "aimage_generation"}).encode()) == []
    assert read("litellm", json.dumps(ROW | {"call_type": None}).encode()) == []
    elsewhere = ROW | {"metadata": {"user_api_key_request_route": "/key/info"}}
    assert read("litellm", json.dumps(elsewhere).encode()) == []


def test_a_column_that_is_no_json_says_nothing() -> None:
    assert "prompt" in read_one("litellm", ROW | {"messages": "{no", "metadata": ""}).lacks


def test_a_failure_without_a_code_is_a_server_error() -> None:
    assert read_one("litellm", ROW | {"status": "failure"}).status == 500
    coded = {"status": "failure", "metadata": {"error_information": {"error_code": "429"}}}
    assert read_one("litellm", ROW | coded).status == 429


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ([[1]], "the entry is no object"),
        ({"call_type": "completion"}, "missing required field `startTime`"),
        (ROW | {"startTime": "soon"}, "not a time"),
        (ROW | {"metadata": [1]}, "metadata is no object"),
    ],
)
def test_a_bad_entry_says_what_is_wrong(entry: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read("litellm", json.dumps(entry).encode())

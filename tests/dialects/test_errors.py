"""Errors have each API's shape, name the decision, and make the official clients raise in a stream."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from gateway import dialects
from gateway.dialects.base import Failure

KINDS = {
    "invalid_request": 400,
    "too_large": 413,
    "unsupported": 415,
    "permission": 403,
    "not_found": 404,
    "rate_limit": 429,
    "upstream": 502,
    "timeout": 504,
    "unavailable": 503,
}
BROKEN = Failure(502, "upstream", "upstream_closed", "The model server broke off.", "01HXYZ")


def _failure(kind: str) -> Failure:
    return Failure(KINDS[kind], kind, "some_code", "Some message.", "01HXYZ")


@pytest.mark.parametrize("name", dialects.NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_error_names_the_decision_and_the_reason(name: str, kind: str) -> None:
    raw = dialects.get(name).error(_failure(kind))
    assert isinstance(json.loads(raw), dict)
    assert b"01HXYZ" in raw
    assert b"Some message." in raw


@pytest.mark.parametrize("name", dialects.NAMES)
def test_the_end_of_a_broken_stream_is_framed_and_never_done(name: str) -> None:
    dialect = dialects.get(name)
    raw = dialect.error_event(BROKEN)
    assert raw.endswith(b"\n" if dialect.framing == "ndjson" else b"\n\n")
    assert b"[DONE]" not in raw
    assert b"01HXYZ" in raw


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("openai_chat", "invalid_request", "invalid_request_error"),
        ("openai_chat", "too_large", "invalid_request_error"),
        ("openai_chat", "permission", "permission_error"),
        ("openai_chat", "rate_limit", "rate_limit_error"),
        ("openai_chat", "upstream", "server_error"),
        ("anthropic", "too_large", "request_too_large"),
        ("anthropic", "timeout", "timeout_error"),
        ("anthropic", "unavailable", "overloaded_error"),
        ("anthropic", "upstream", "api_error"),
        ("anthropic", "not_found", "not_found_error"),
        ("llamacpp", "unavailable", "unavailable_error"),
        ("llamacpp", "invalid_request", "invalid_request_error"),
    ],
)
def test_types_are_those_of_the_api(name: str, kind: str, found: str) -> None:
    assert json.loads(dialects.get(name).error(_failure(kind)))["error"]["type"] == found


def test_bodies_are_exactly_the_documented_ones() -> None:
    failure = _failure("rate_limit")
    worded = "Some message. (request 01HXYZ)"
    assert json.loads(dialects.get("openai_chat").error(failure)) == {
        "error": {"message": worded, "type": "rate_limit_error", "param": None, "code": "some_code"}
    }
    assert json.loads(dialects.get("anthropic").error(failure)) == {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "Some message."},
        "request_id": "01HXYZ",
    }
    assert json.loads(dialects.get("ollama").error(failure)) == {"error": worded}
    assert json.loads(dialects.get("llamacpp").error(failure)) == {
        "error": {"code": 429, "message": worded, "type": "unavailable_error"}
    }


@pytest.mark.parametrize("name", ["openai_chat", "anthropic", "llamacpp"])
def test_missing_credentials_have_a_type_of_their_own(name: str) -> None:
    raw = dialects.get(name).error(Failure(401, "permission", "no_key", "No key.", "01H"))
    assert json.loads(raw)["error"]["type"] == "authentication_error"


# --- the official clients ----------------------------------------------------------------------------


def _transport(stream: bytes) -> httpx2.Client:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def _openai(stream: bytes) -> openai.OpenAI:
    return openai.OpenAI(api_key="k", base_url="http://x/v1", http_client=_transport(stream), max_retries=0)


def test_openai_chat_and_completions_clients_raise_on_the_event() -> None:
    chunk = b'data: {"id":"1","object":"chat.completion.chunk","choices":[]}\n\n'
    client: Any = _openai(chunk + dialects.get("openai_chat").error_event(BROKEN))
    seen = []
    with pytest.raises(openai.APIError, match=r"broke off.*01HXYZ"):
        seen.extend(client.chat.completions.create(model="m", messages=[], stream=True))
    client = _openai(dialects.get("openai_completions").error_event(BROKEN))
    with pytest.raises(openai.APIError, match=r"broke off.*01HXYZ"):
        list(client.completions.create(model="m", prompt="p", stream=True))


def test_openai_responses_client_raises_on_the_event() -> None:
    client: Any = _openai(dialects.get("openai_responses").error_event(BROKEN))
    with pytest.raises(openai.APIError, match=r"broke off.*01HXYZ"):
        list(client.responses.create(model="m", input="p", stream=True))


def test_responses_streams_end_with_both_documented_terminal_events() -> None:
    dialect = dialects.get("openai_responses")
    events = dialect.error_event(BROKEN).decode().strip().split("\n\n")
    names = [event.split("\n")[0] for event in events]
    data = [json.loads(event.split("data: ")[1]) for event in events]
    assert names == ["event: error", "event: response.failed"]
    assert [one["type"] for one in data] == ["error", "response.failed"]
    assert data[1]["response"]["status"] == "failed"
    assert all(dialect.finished(one) for one in data)


def test_anthropic_client_raises_on_the_event() -> None:
    stream = dialects.get("anthropic").error_event(BROKEN)
    client: Any = anthropic.Anthropic(
        api_key="k", base_url="http://x", http_client=_transport(stream), max_retries=0
    )
    with pytest.raises(anthropic.APIStatusError, match=r"broke off.*01HXYZ"):
        list(client.messages.create(model="m", max_tokens=5, messages=[], stream=True))


def test_clients_read_whole_error_bodies_too() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        name = "anthropic" if request.url.path.endswith("messages") else "openai_chat"
        return httpx2.Response(403, content=dialects.get(name).error(_failure("permission")))

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    first: Any = openai.OpenAI(api_key="k", base_url="http://x/v1", http_client=http, max_retries=0)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        first.chat.completions.create(model="m", messages=[])
    assert caught.value.code == "some_code"
    second: Any = anthropic.Anthropic(api_key="k", base_url="http://x", http_client=http, max_retries=0)
    with pytest.raises(anthropic.PermissionDeniedError, match="Some message"):
        second.messages.create(model="m", max_tokens=5, messages=[])

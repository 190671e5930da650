"""A recorded exchange becomes a line as the live gateway would have seen it, and keeps no key."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gateway.model import Usage
from gateway.readers.base import Line
from gateway.readers.http import Heard, lines
from tests.readers.support import settings

CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], "logprobs": True})
ANSWER = json.dumps(
    {"choices": [{"message": {"content": "hello"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
)
EVENTS = "".join(
    f"data: {event}\n\n"
    for event in (
        json.dumps({"choices": [{"delta": {"content": "hel"}}]}),
        json.dumps({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 9}}),
        "[DONE]",
    )
)
HEARD = Heard(
    ts=5.0,
    method="POST",
    target=b"/openai/v1/chat/completions?api-key=sk-query",
    headers=[(b"authorization", b"Bearer sk-secret"), (b"user-agent", b"sdk/1")],
    body=CHAT.encode(),
    status=200,
    answer_headers=[(b"content-type", b"application/json")],
    answer=ANSWER.encode(),
    peer_ip="192.0.2.7",
)


def _line(**changes: Any) -> Line:
    (line,) = lines(replace(HEARD, **changes), settings().identifier())
    return line


def test_a_line_has_body_usage_principal_and_client() -> None:
    line = _line()
    assert bytes(line.request) == CHAT.encode()
    assert line.usage == msgspec.to_builtins(Usage(3, 4, 0, 4))
    assert (line.ip, line.ua, line.status, line.lacks) == ("192.0.2.7", "sdk/1", 200, ())
    assert (line.kind, line.answer) == ("key", None)


def test_no_key_is_left_in_the_line() -> None:
    written = msgspec.json.encode(_line())
    assert b"sk-" not in written
    assert b'"route":"/openai/v1/chat/completions"' in written


def test_end_users_are_told_apart_where_the_settings_say_so() -> None:
    body = json.dumps(json.loads(CHAT) | {"user": "u"}).encode()
    apart = settings(end_user=True).identifier()
    (line,) = lines(replace(HEARD, body=body), apart)
    assert line.principal == f"{_line().principal}/{apart.end_user('u')}"


def test_a_stream_of_events_tells_its_cost() -> None:
    line = _line(
        answer_headers=[(b"content-type", b"text/event-stream; charset=utf-8")], answer=EVENTS.encode()
    )
    assert line.usage is not None
    assert (line.usage["output_tokens"], line.usage["estimated"]) == (9, False)


def test_a_stream_that_broke_off_is_estimated() -> None:
    begun = EVENTS.partition('data: {"choices": [], ')[0].encode()
    events = [(b"content-type", b"text/event-stream")]
    line = _line(answer_headers=events, answer=begun, finished=False)
    assert line.usage is not None
    assert line.usage["estimated"]


def test_coded_bodies_are_decoded() -> None:
    coding = [(b"content-encoding", b"gzip")]
    line = _line(
        headers=HEARD.headers + coding,
        body=gzip.compress(CHAT.encode()),
        answer_headers=HEARD.answer_headers + coding,
        answer=gzip.compress(ANSWER.encode()),
    )
    assert bytes(line.request) == CHAT.encode()
    assert line.usage is not None
    assert line.usage["output_tokens"] == 4


def test_a_body_stays_one_line() -> None:
    body = json.dumps(json.loads(CHAT), indent=2).replace("\n", "\r\n").encode()
    written = bytes(_line(body=body).request)
    assert b"\n" not in written
    assert b"\r" not in written
    assert json.loads(written) == json.loads(CHAT)


@pytest.mark.parametrize("body", [b"{no", b"\xff", b"", b"[" * 100_000])
def test_a_body_that_is_no_json_becomes_a_string(body: bytes) -> None:
    line = _line(body=body)
    assert isinstance(json.loads(bytes(line.request)), str)
    assert line.usage is None


def test_a_body_that_belies_its_coding_is_kept_as_it_is() -> None:
    line = _line(headers=[*HEARD.headers, (b"content-encoding", b"gzip")])
    assert bytes(line.request) == CHAT.encode()


def test_a_body_that_was_not_recorded_is_lacking() -> None:
    line = _line(body=None)
    assert line.features is not None
    assert (line.features.dialect, line.features.endpoint) == ("openai_chat", "chat")
    assert line.lacks == ("prompt", "parameters", "request.model", "request.bytes")
    assert line.usage is not None


@pytest.mark.parametrize(("status", "lacking"), [(200, True), (500, False), (None, False)])
def test_usage_is_lacking_where_there_was_an_answer_and_it_is_gone(status: int | None, lacking: bool) -> None:
    line = _line(answer=None, status=status)
    assert line.usage is None
    assert ("usage" in line.lacks) is lacking


def test_a_question_without_a_body_is_kept_with_its_method() -> None:
    line = _line(method="GET", target=b"/v1/models", body=None, answer=b'{"data": []}')
    assert (line.method, line.route, bytes(line.request), line.lacks) == ("GET", "/v1/models", b"{}", ())


def test_what_is_no_call_to_a_model_makes_no_line() -> None:
    for method, target in (("GET", b"/index.html"), ("POST", b"/v1/files"), ("OPTIONS", b"/v1/messages")):
        assert list(lines(replace(HEARD, method=method, target=target), settings().identifier())) == []

"""The answers that an exchange gives in the model's place, and what happens when a part fails."""

from __future__ import annotations

import gzip
import json

import pytest

from gateway.adapters.refusals import too_large, unknown_route
from gateway.errors import CallError, UpstreamError
from gateway.exchange import Answer, Forward
from gateway.gate import Headers
from gateway.model import Mode, Outcome
from gateway.policies.bundle import Bundle
from gateway.stores.memory import MemoryStore
from tests.exchanges import (
    ASKED,
    CLOSED,
    ENFORCE,
    JSON_ANSWER,
    REFUSED,
    SHADOW,
    SSE_ANSWER,
    Failing,
    chat,
    error,
    exchange,
    points,
    relay,
)

# --- answers of ours ---------------------------------------------------------------------------------


def test_a_refusal_is_final_and_carries_an_opaque_id() -> None:
    one = exchange(REFUSED, ENFORCE)
    answer = one.judge(chat(), 100.0)
    assert error(answer)["code"] == "usage_review"
    assert isinstance(answer, Answer)
    headers = dict(answer.headers)
    assert (answer.status, headers[b"x-should-retry"]) == (403, b"false")
    assert b"retry-after" not in headers
    assert {headers[name] for name in (b"x-request-id", b"request-id", b"x-gateway-request-id")} == {b"id-1"}
    assert int(headers[b"content-length"]) == len(answer.body)
    record = one.finish(Outcome(), 100.0)
    assert (record.status, record.refusal, record.applied) == (403, "usage_review", ("reject",))


def test_a_rate_limit_says_when_to_come_back() -> None:
    store = MemoryStore(10)
    answers = [exchange(points(55), ENFORCE, store=store).judge(chat(), 100.0) for _ in range(3)]
    assert [type(answer) for answer in answers] == [Forward, Forward, Answer]
    assert isinstance(answers[2], Answer)
    headers = dict(answers[2].headers)
    assert (answers[2].status, headers[b"retry-after"], headers[b"retry-after-ms"]) == (429, b"10", b"10000")
    assert headers[b"x-should-retry"] == b"true"


@pytest.mark.parametrize(
    ("path", "shape"),
    [(b"/v1/chat/completions", "error"), (b"/v1/messages", "type"), (b"/api/chat", "error")],
)
def test_a_body_that_cannot_be_read_is_refused_in_enforce_and_passes_in_shadow(
    path: bytes, shape: str
) -> None:
    refused = exchange(points(5), ENFORCE, path=path)
    answer = refused.judge(b"{", 100.0)
    assert isinstance(answer, Answer)
    assert answer.status == 400
    assert shape in json.loads(answer.body)
    passed = exchange(points(5), SHADOW, path=path)
    assert passed.judge(b"{", 100.0) == Forward(ASKED)
    assert passed.unscored == refused.unscored == "invalid_json"
    assert passed.finish(Outcome(200), 100.0).principal == "id of Bearer sk-secret"


def test_a_body_larger_than_allowed_is_refused_by_its_size_after_unpacking() -> None:
    headers = [*ASKED, (b"content-encoding", b"gzip")]
    one = exchange(points(5), ENFORCE, headers=headers, max_body=1000)
    answer = one.judge(gzip.compress(chat(padding="x" * 2000)), 100.0)
    assert isinstance(answer, Answer)
    assert (answer.status, one.unscored) == (413, "body_too_large")


def test_an_unknown_path_is_unscored_and_its_sender_is_named() -> None:
    one = exchange(REFUSED, ENFORCE, path=b"/v2/odd")
    assert one.route is None
    one.identify()
    one.forwarded(100.0)
    one.respond(200, JSON_ANSWER)
    assert relay(one, [b"x"]) == b"x"
    record = one.finish(Outcome(), 100.0)
    assert (record.unscored, record.principal) == ("unknown_route", "id of Bearer sk-secret")


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(("refusal", "status"), [(unknown_route(), 404), (too_large(7), 413)])
def test_who_sent_what_the_driver_refuses_is_in_the_record(
    refusal: CallError, status: int, known: bool
) -> None:
    one = exchange(REFUSED, ENFORCE, path=b"/v2/odd")
    if known:
        one.identify()
    answer = one.call_error(refusal)
    assert (answer.status, error(answer)["code"]) == (status, refusal.code)
    record = one.finish(Outcome(), 100.0)
    assert (record.status, record.refusal, record.unscored) == (status, refusal.code, refusal.code)
    assert record.principal == "id of Bearer sk-secret"


@pytest.mark.parametrize(
    ("failure", "status", "again"),
    [
        (UpstreamError("connect", "cannot connect", sent=False), 502, None),
        (UpstreamError("timeout", "too late", sent=True), 504, b"false"),
        (CLOSED, 502, b"false"),
    ],
)
def test_a_model_server_that_does_not_answer_is_a_gateway_error(
    failure: UpstreamError, status: int, again: bytes | None
) -> None:
    one = exchange(points(5), SHADOW)
    one.judge(chat(), 100.0)
    answer = one.upstream_error(failure)
    assert (answer.status, error(answer)["code"]) == (status, f"upstream_{failure.kind}")
    assert dict(answer.headers).get(b"x-should-retry") == again
    assert one.finish(Outcome(finished=False, error="upstream"), 100.0).status == status


# --- streams that break off --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind", "start"),
    [
        (b"/v1/chat/completions", b"text/event-stream", b"\n\ndata: {"),
        (b"/api/chat", b"application/x-ndjson", b'\n{"error"'),
    ],
)
def test_a_broken_stream_ends_in_an_error_event_of_its_api(path: bytes, kind: bytes, start: bytes) -> None:
    one = exchange(points(5), SHADOW, path=path)
    one.judge(chat(stream=True), 100.0)
    one.respond(200, [(b"content-type", kind)])
    tail = one.broken(CLOSED)
    assert tail is not None
    assert tail.startswith(start)
    assert b"upstream_closed" in tail or path == b"/api/chat"
    assert b"[DONE]" not in tail


@pytest.mark.parametrize("headers", [JSON_ANSWER, [*SSE_ANSWER, (b"content-encoding", b"gzip")]])
def test_what_cannot_take_an_error_event_is_cut(headers: Headers) -> None:
    one = exchange(points(5), SHADOW)
    one.judge(chat(stream=True), 100.0)
    one.respond(200, headers)
    assert one.broken(CLOSED) is None


# --- when the engine fails ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fail_closed", "ceiling", "status"),
    [(False, ENFORCE, None), (True, SHADOW, None), (True, ENFORCE, 503)],
)
@pytest.mark.parametrize(("policies", "reason"), [(None, "no_policies"), (points(5), "engine_error")])
def test_without_policies_or_store_the_operator_has_said_what_happens(
    policies: Bundle | None, reason: str, fail_closed: bool, ceiling: Mode, status: int | None
) -> None:
    one = exchange(policies, ceiling, fail_closed=fail_closed, store=Failing(0))
    verdict = one.judge(chat(), 100.0)
    assert one.unscored == reason
    if status is None:
        assert verdict == Forward(ASKED)
    else:
        assert isinstance(verdict, Answer)
        assert (verdict.status, dict(verdict.headers)[b"retry-after"]) == (status, b"5")
    assert one.finish(Outcome(200), 100.0).unscored == reason


@pytest.mark.parametrize("works", [2, 3])
def test_a_store_that_fails_later_does_not_hurt_the_answer(works: int) -> None:
    one = exchange(points(5), ENFORCE, store=Failing(works))
    assert one.judge(chat(), 100.0) == Forward(ASKED)
    one.forwarded(100.0)
    assert one.unscored == ("engine_error" if works == 2 else None)
    one.respond(200, JSON_ANSWER)
    assert relay(one, [b"{}"]) == b"{}"
    record = one.finish(Outcome(), 100.0)
    assert (record.unscored, record.status) == ("engine_error", 200)

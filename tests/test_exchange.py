"""An exchange without sockets: what is forwarded, edited and written down, byte by byte."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamError
from gateway.exchange import Exchange, Forward
from gateway.gate import Headers
from gateway.model import Call, Client, Mode, Outcome, Principal, Route, Trial, Usage
from gateway.policies.bundle import Bundle
from tests.exchanges import (
    ASKED,
    CAP_ONLY,
    ENFORCE,
    JSON_ANSWER,
    POINTS,
    REFUSED,
    SHADOW,
    SSE_ANSWER,
    chat,
    completion,
    exchange,
    pieces,
    points,
    relay,
)
from tests.support import bundle, policy

# --- nothing is changed ------------------------------------------------------------------------------


@given(
    ceiling=st.sampled_from([Mode.DISABLED, SHADOW]),
    body=st.one_of(st.binary(max_size=60), st.just(chat(logprobs=True, top_logprobs=9, n=4))),
    status=st.integers(200, 599),
    kind=st.sampled_from([b"application/json", b"text/event-stream", b"application/x-ndjson", b""]),
    coding=st.sampled_from([b"", b"identity", b"gzip", b"x-odd"]),
    chunks=st.lists(st.binary(max_size=40), max_size=5),
)
def test_in_shadow_every_byte_passes_whatever_the_score(
    ceiling: Mode, body: bytes, status: int, kind: bytes, coding: bytes, chunks: list[bytes]
) -> None:
    one = exchange(REFUSED, ceiling)
    assert one.judge(body, 100.0) == Forward(ASKED)
    one.forwarded(100.0)
    headers = [(b"content-type", kind), (b"content-encoding", coding), (b"etag", b"1")]
    assert one.respond(status, headers) is headers
    assert not one.document
    assert relay(one, chunks) == b"".join(chunks)
    record = one.finish(Outcome(), 101.0)
    assert (record.status, record.applied, record.refusal) == (status, (), None)


def test_under_the_ceiling_disabled_a_call_passes_unread_and_leaves_who_and_where() -> None:
    one = exchange(REFUSED, Mode.DISABLED)
    assert one.judge(chat(), 100.0) == Forward(ASKED)
    one.forwarded(100.0)
    one.respond(200, [(b"content-type", b"application/json")])
    one.observe(b'{"usage": {"prompt_tokens": 1, "completion_tokens": 1}}')
    record = one.finish(Outcome(finished=True), 101.0)
    assert (record.unscored, record.status, record.usage) == ("disabled", 200, None)
    assert (record.principal, record.route) == (one.principal and one.principal.id, "/v1/chat/completions")


def test_a_call_below_every_rung_is_forwarded_as_it_came_in_enforce_too() -> None:
    one = exchange(points(5), ENFORCE)
    assert one.judge(chat(), 100.0) == Forward(ASKED)
    assert one.respond(200, JSON_ANSWER) is JSON_ANSWER


def test_a_request_without_a_body_to_read_is_scored_by_its_route() -> None:
    one = exchange(points(5), ENFORCE, method="GET", path=b"/v1/models")
    assert one.judge(b"", 100.0) == Forward(ASKED)
    record = one.finish(Outcome(200), 100.0)
    assert (record.endpoint, record.unscored, record.model) == ("models", None, None)


# --- enforced edits ----------------------------------------------------------------------------------


def narrowed(**fields: Any) -> Exchange:
    """An exchange on the rung `narrow`, judged."""
    one = exchange(points(40), ENFORCE)
    verdict = one.judge(chat(logprobs=True, top_logprobs=9, n=4, **fields), 100.0)
    assert isinstance(verdict, Forward)
    assert verdict.body is not None
    sent = json.loads(verdict.body)
    assert (sent["top_logprobs"], sent["n"]) == (5, 1)
    assert verdict.headers == [ASKED[0], (b"accept-encoding", b"identity")]
    return one


def test_an_edit_without_an_editor_of_the_answer_leaves_the_codings_to_the_client() -> None:
    capped = bundle(policy(POINTS % 40), ladder=CAP_ONLY)
    one = exchange(capped, ENFORCE)
    verdict = one.judge(chat(n=4), 100.0)
    assert isinstance(verdict, Forward)
    assert verdict.body == chat(n=1).replace(b", ", b",").replace(b": ", b":")
    assert verdict.headers == [ASKED[0], ASKED[2]]
    assert one.respond(200, JSON_ANSWER) is JSON_ANSWER


@pytest.mark.parametrize("coding", [b"", b"identity", b"gzip"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_an_answer_that_must_be_edited_is_held_and_edited_as_a_whole(coding: bytes, size: int) -> None:
    one = narrowed()
    headers = one.respond(200, [*JSON_ANSWER, (b"content-encoding", coding), (b"content-length", b"1")])
    assert headers == JSON_ANSWER[:1]
    assert one.document
    whole = json.dumps(completion()).encode()
    answer = json.loads(relay(one, pieces(gzip.compress(whole) if coding == b"gzip" else whole, size)))
    (entry,) = answer["choices"][0]["logprobs"]["content"]
    assert [item["logprob"] for item in entry["top_logprobs"]] == [-0.12, -1.12, -2.12, -3.12, -4.12]
    record = one.finish(Outcome(), 101.0)
    assert record.applied == ("log", "logprobs", "cap")
    assert record.usage == Usage(5, 1, logprob_tokens=1)


@pytest.mark.parametrize("coding", [b"", b"gzip"])
@pytest.mark.parametrize("size", [1, 50, 10_000])
def test_a_stream_that_must_be_edited_is_edited_event_by_event(coding: bytes, size: int) -> None:
    one = narrowed(stream=True)
    assert one.respond(200, [*SSE_ANSWER, (b"content-encoding", coding)]) == SSE_ANSWER
    assert not one.document
    choice = completion()["choices"][0]
    event = {"choices": [{"index": 0, "delta": choice["message"], "logprobs": choice["logprobs"]}]}
    whole = f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n".encode()
    out = relay(one, pieces(gzip.compress(whole) if coding else whole, size))
    first, done, rest = out.split(b"\n\n")
    (entry,) = json.loads(first.removeprefix(b"data: "))["choices"][0]["logprobs"]["content"]
    assert len(entry["top_logprobs"]) == 5
    assert (done, rest) == (b"data: [DONE]", b"")


@pytest.mark.parametrize(
    "headers",
    [
        [*JSON_ANSWER, (b"content-encoding", b"x-odd")],
        [(b"content-type", b"application/x-ndjson")],
    ],
    ids=["an unknown coding", "another API's framing"],
)
def test_an_answer_that_cannot_be_edited_is_not_delivered(headers: Headers) -> None:
    with pytest.raises(UpstreamError, match="cannot be edited"):
        narrowed().respond(200, headers)


@pytest.mark.parametrize("body", [b"{", b"not json", gzip.compress(b"{}")])
def test_a_document_that_is_not_json_is_not_delivered(body: bytes) -> None:
    one = narrowed()
    one.respond(200, JSON_ANSWER)
    with pytest.raises(ValueError, match=r"."):
        relay(one, [body])


def test_a_compressed_answer_that_is_cut_short_is_not_delivered() -> None:
    one = narrowed()
    one.respond(200, [*JSON_ANSWER, (b"content-encoding", b"gzip")])
    with pytest.raises(ValueError, match="cut short"):
        relay(one, [gzip.compress(json.dumps(completion()).encode())[:-4]])


def test_the_servers_errors_are_delivered_unedited() -> None:
    one = narrowed()
    assert one.respond(500, JSON_ANSWER) is JSON_ANSWER
    assert relay(one, [b"anything"]) == b"anything"


def test_a_delay_is_told_to_the_driver() -> None:
    verdict = exchange(points(70), ENFORCE).judge(chat(), 100.0)
    assert isinstance(verdict, Forward)
    assert verdict.delay == 1.0


# --- the record --------------------------------------------------------------------------------------


def test_usage_is_what_the_server_said_at_the_end_of_its_answer() -> None:
    one = exchange(points(5), SHADOW)
    one.judge(chat(user="u-1", logprobs=True), 100.0)
    one.respond(200, JSON_ANSWER)
    relay(one, [json.dumps(completion()).encode()])
    record = one.finish(Outcome(), 101.0)
    assert record.usage == Usage(5, 1, logprob_tokens=1)
    assert (record.end_user, record.client.ip, record.ts) == ("hash of 3 characters", "192.0.2.7", 100.0)


def test_usage_of_a_broken_answer_is_an_estimate_of_what_passed() -> None:
    one = exchange(points(5), SHADOW)
    one.judge(chat(stream=True), 100.0)
    one.respond(200, SSE_ANSWER)
    one.observe(b'data: {"choices": [{"index": 0, "delta": {"content": "four words of text"}}]}\n\n')
    usage = one.finish(Outcome(finished=False, error="client_gone"), 101.0).usage
    assert usage is not None
    assert usage.estimated
    assert usage.output_tokens > 0


def test_usage_and_status_that_the_driver_knows_win() -> None:
    one = exchange(points(5), SHADOW)
    one.judge(chat(), 100.0)
    record = one.finish(Outcome(201, Usage(1, 2)), 101.0)
    assert (record.status, record.usage) == (201, Usage(1, 2))


def test_a_driver_may_know_who_it_was() -> None:
    one = exchange(points(5), SHADOW)
    one.as_principal = (Principal("recorded"), Client("198.51.100.1"))
    one.judge(chat(), 100.0)
    record = one.finish(Outcome(200), 101.0)
    assert (record.principal, record.client.ip) == ("recorded", "198.51.100.1")
    assert one.transaction is not None


def test_a_driver_may_know_what_was_asked() -> None:
    one = exchange(points(5), SHADOW)
    asked = Call(Route("anthropic", "messages", "/v1/messages"), model="m", messages=3)
    one = Exchange(one.gate, one.head, one.id, one.began, as_call=asked)
    assert one.judge(b"no body at all", 100.0) == Forward(one.head.headers)
    record = one.finish(Outcome(200), 101.0)
    assert (record.route, record.model, record.call) == ("/v1/messages", "m", asked)
    assert record.shadow.score == 5.0


# --- gates that follow each other, and candidates ----------------------------------------------------


COUNT = "signals: {burst: {count: {of: requests, over: %s}, ramp: [0, 10], points: 10}}"


def test_a_candidate_is_recorded_beside_what_was_decided() -> None:
    trial = points(70)
    one = exchange(points(40), SHADOW, candidate=trial)
    assert one.judge(chat(n=4), 100.0) == Forward(ASKED)
    one.forwarded(100.0)
    record = one.finish(Outcome(200), 101.0)
    assert record.shadow.rung == "narrow"
    assert record.candidate == Trial(trial.hash, 70.0, "perturb")


def test_counters_that_a_new_gate_keeps_go_on_and_the_others_are_young() -> None:
    hourly, daily = (bundle(policy(COUNT % over)) for over in ("1h", "1d"))
    first = exchange(hourly, SHADOW).gate
    assert first.born == {}
    second = replace(first, candidate=daily).following(first, 50.0)
    assert set(second.born) == daily_keys(daily)
    third = replace(second, bundle=daily, candidate=None).following(second, 70.0)
    assert third.born == dict.fromkeys(daily_keys(daily), 50.0)
    back = replace(third, bundle=hourly).following(third, 90.0)
    assert set(back.born.values()) == {90.0}
    assert replace(back, bundle=None).following(back, 99.0).born == {}


def daily_keys(made: Bundle) -> set[str]:
    return {op.key for op in made.policies[0].signals[0].detector.reads}

"""The proxy in enforce: refusals, limits, and edited answers as they go over the wire."""

from __future__ import annotations

import gzip
import json

import pytest

from gateway.model import Mode
from tests.adapters.support import (
    Replying,
    always,
    ask,
    chat_bytes,
    json_answer,
    pair,
    request_bytes,
)
from tests.adapters.wire import ANSWER, SSE, UNEDITABLE, chunk, coded, event, run
from tests.support import bundle, policy

# --- enforced responses on the wire ------------------------------------------------------------------


def test_a_refusal_is_opaque_and_tells_sdks_not_to_retry() -> None:
    async def main() -> None:
        upstream = Replying(b"")

        twice = [
            policy("signals: {s: {request: {request.messages: 1}, points: 45}}", id=name) for name in "ab"
        ]
        async with pair(upstream, bundle(*twice), Mode.ENFORCE) as running:
            seen = await ask(running.port, request_bytes(chat_bytes()))
            assert (seen.status, seen.get(b"x-should-retry")) == (403, b"false")
            assert seen.json()["error"]["code"] == "usage_review"
            assert seen.get(b"x-gateway-request-id") == b"id-1"
            assert b"id-1" in seen.body
            assert not any(word in seen.body for word in (b"a.s", b"policy", b"points", b"score"))
            assert running.records[0].applied == ("reject",)
            assert upstream.requests == []

    run(main())


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat"])
def test_a_throttled_client_is_told_how_long_to_wait(path: str) -> None:
    async def main() -> None:
        async with pair(Replying(json_answer(ANSWER)), always(55), Mode.ENFORCE) as running:
            request = request_bytes(chat_bytes(max_tokens=5), path)
            statuses = [(await ask(running.port, request)).status for _ in range(2)]
            seen = await ask(running.port, request)
            assert statuses == [200, 200]
            assert (seen.status, seen.get(b"retry-after")) == (429, b"10")
            assert (seen.get(b"retry-after-ms"), seen.get(b"x-should-retry")) == (b"10000", b"true")

    run(main())


TOP = [{"token": t, "logprob": -0.1234567 - i, "bytes": None} for i, t in enumerate("abcdefgh")]
LOGPROBS = {"content": [{"token": "a", "logprob": -0.1234567, "bytes": None, "top_logprobs": TOP}]}


@pytest.mark.parametrize("encoded", [False, True])
def test_probabilities_are_narrowed_in_a_whole_answer_and_its_length_is_right(encoded: bool) -> None:
    async def main() -> None:
        choice = {"index": 0, "message": {"content": "a"}, "logprobs": LOGPROBS}
        body = json.dumps({"choices": [choice], "__verbose": {"prompt": "secret"}}).encode()
        extra = b""
        if encoded:
            body, extra = gzip.compress(body), b"content-encoding: gzip\r\netag: x\r\n"
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % len(body)
        upstream = Replying(head + extra + b"\r\n" + body)
        async with pair(upstream, always(40), Mode.ENFORCE) as running:
            asked = chat_bytes(logprobs=True, top_logprobs=20, n=2, n_probs=50)
            seen = await ask(running.port, request_bytes(asked, headers=(("accept-encoding", "gzip"),)))
            top = seen.json()["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
            assert [(t["token"], t["logprob"]) for t in top] == [
                ("a", -0.12), ("b", -1.12), ("c", -2.12), ("d", -3.12), ("e", -4.12)
            ]  # fmt: skip
            assert "__verbose" not in seen.json()
            assert seen.get(b"content-encoding") is None
            sent_head, _, sent = upstream.requests[0].partition(b"\r\n\r\n")
            assert json.loads(sent)["n"] == 1
            assert json.loads(sent)["top_logprobs"] == 5
            assert "n_probs" not in json.loads(sent)
            assert b"accept-encoding: identity" in sent_head
            assert running.records[0].applied == ("log", "logprobs", "cap")

    run(main())


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_probabilities_are_narrowed_in_a_stream_however_it_is_cut(size: int) -> None:
    async def main() -> None:
        stream = event("a", logprobs=LOGPROBS) + b": comment\n\n" + b"data: [DONE]\n\n"
        parts = b"".join(chunk(stream[i : i + size]) for i in range(0, len(stream), size))
        upstream = Replying(SSE + parts + b"0\r\n\r\n")
        async with pair(upstream, always(40), Mode.ENFORCE) as running:
            asked = chat_bytes(logprobs=True, top_logprobs=2, stream=True)
            seen = await ask(running.port, request_bytes(asked))
            first, rest = seen.body.split(b"\n\n", 1)
            (entry,) = json.loads(first[6:])["choices"][0]["logprobs"]["content"]
            assert [t["token"] for t in entry["top_logprobs"]] == ["a", "b"]
            assert rest == b": comment\n\ndata: [DONE]\n\n"

    run(main())


@pytest.mark.parametrize(("kind", "coding", "body"), UNEDITABLE)
def test_an_answer_that_must_be_edited_and_cannot_be_is_withheld(kind: str, coding: str, body: bytes) -> None:
    async def main() -> None:
        async with pair(Replying(coded(kind, coding, body)), always(40), Mode.ENFORCE) as running:
            seen = await ask(running.port, request_bytes(chat_bytes(logprobs=True, top_logprobs=9)))
            assert (seen.status, seen.json()["error"]["code"]) == (502, "upstream_protocol")
            assert not body or body not in seen.body

    run(main())


def test_errors_of_the_model_server_pass_unedited_in_enforce() -> None:
    async def main() -> None:
        body = json_answer({"error": {"message": "theirs"}}, "429 Too Many Requests")
        async with pair(Replying(body), always(40), Mode.ENFORCE) as running:
            seen = await ask(running.port, request_bytes(chat_bytes(logprobs=True, top_logprobs=9)))
            assert (seen.status, seen.json()) == (429, {"error": {"message": "theirs"}})

    run(main())

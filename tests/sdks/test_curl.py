"""curl through a gateway process: what goes over the wire, byte by byte, without an SDK's kindness."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.processes import GatewayProcess, wait_for
from tests.sdks.conftest import Watched

_HOP_BY_HOP = {"date", "connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True)
class Answer:
    """What curl got: its exit status, the last status line, the fields, and the body."""

    exit: int
    status: str
    fields: dict[str, str]
    body: bytes


def curl(*arguments: str, key: str, stdin: bytes | None = None) -> Answer:
    command = ["curl", "-qsSN", "-i", "-H", f"authorization: Bearer {key}", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 1"):
        head, _, body = body.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(done.returncode, first, fields, body)


def chat(**fields: Any) -> str:
    return json.dumps({"model": "demo", "messages": [{"role": "user", "content": "größer 💧"}], **fields})


def same(url: str, through: GatewayProcess, path: str, *arguments: str, key: str, **options: Any) -> Answer:
    """The answer through the gateway, after it was compared with the model server's own."""
    direct = curl(f"{url}{path}", *arguments, key=key, **options)
    answer = curl(f"{through.url}{path}", *arguments, key=key, **options)
    assert (answer.exit, answer.status, answer.body) == (direct.exit, direct.status, direct.body)
    assert {name: value for name, value in answer.fields.items() if name not in _HOP_BY_HOP} == {
        name: value for name, value in direct.fields.items() if name not in _HOP_BY_HOP
    }
    return answer


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", chat()),
        ("/v1/chat/completions", chat(stream=True, n=2, logprobs=True, top_logprobs=20)),
        ("/v1/completions", '{"model": "demo", "prompt": ["a", "b"], "logprobs": 5, "stream": true}'),
        ("/v1/responses", '{"model": "demo", "input": "x", "stream": true, "top_logprobs": 3}'),
        ("/v1/embeddings", '{"model": "demo", "input": ["a", "b"], "encoding_format": "base64"}'),
        ("/v1/messages", '{"model": "demo", "max_tokens": 9, "messages": [{"role": "user", "content": ""}]}'),
        ("/api/chat", '{"model": "demo", "messages": [{"role": "user", "content": "x"}], "logprobs": true}'),
        ("/api/generate", '{"model": "demo", "prompt": "x", "stream": false}'),
        ("/completion", '{"prompt": "x", "n_predict": 5, "n_probs": 50, "stream": true}'),
        ("/completion", '{"prompt": "x", "n_predict": 5, "n_probs": 50, "post_sampling_probs": true}'),
    ],
)  # fmt: skip
def test_every_byte_is_the_model_servers_own(
    path: str, body: str, upstream: Watched, through: GatewayProcess, key: str
) -> None:
    answer = same(upstream.url, through, path, "-d", body, key=key)
    assert answer.status == "HTTP/1.1 200 OK"
    assert len(answer.body) > 100


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/models/demo", "/v1/models/other", "/api/tags", "/health?x=1"]
)
def test_reading_models_and_unknown_paths_pass(
    path: str, upstream: Watched, through: GatewayProcess, key: str
) -> None:
    assert same(upstream.url, through, path, key=key).body
    assert same(upstream.url, through, path, "--head", key=key).body == b""


@pytest.mark.parametrize("body", ["{", "[]", '{"model": "demo"}', '{"a": 1, "a": 2}', "", "\x00"])
def test_in_shadow_what_is_no_request_gets_the_model_servers_own_error(
    body: str, upstream: Watched, shadow: GatewayProcess, key: str
) -> None:
    answer = same(
        upstream.url, shadow, "/v1/chat/completions", "--data-binary", "@-", key=key, stdin=body.encode()
    )
    assert answer.status == "HTTP/1.1 400 Bad Request"
    [record] = shadow.records(key)
    assert (record["status"], record["unscored"] is not None) == (400, body != '{"model": "demo"}')


def test_what_two_parsers_could_read_differently_is_refused_where_policies_are_enforced(
    upstream: Watched, enforce: GatewayProcess, key: str
) -> None:
    answer = curl(f"{enforce.url}/v1/chat/completions", "-d", '{"a": 1, "a": 2}', key=key)
    assert answer.status == "HTTP/1.1 400 Bad Request"
    assert json.loads(answer.body)["error"]["code"] == "duplicate_key"
    assert answer.fields["x-request-id"] == enforce.records(key)[0]["id"]
    assert upstream.asked[key] == 0


def test_a_large_body_is_asked_for_with_100_continue_and_may_come_in_chunks(
    upstream: Watched, through: GatewayProcess, key: str, tmp_path: Path
) -> None:
    body = tmp_path / "body.json"
    body.write_text(chat(messages=[{"role": "user", "content": "many words " * 100_000}], max_tokens=5))
    arguments = ("-H", "content-type: application/json", "--data-binary", f"@{body}")
    whole = same(upstream.url, through, "/v1/chat/completions", *arguments, key=key)
    chunked = ("-H", "transfer-encoding: chunked", *arguments)
    assert same(upstream.url, through, "/v1/chat/completions", *chunked, key=key).body == whole.body
    assert [record["features"]["size"] for record in through.records(key, 2)] == [body.stat().st_size] * 2


def test_a_compressed_request_is_scored_and_passed_on_as_it_is(
    upstream: Watched, through: GatewayProcess, key: str
) -> None:
    # The demo cannot read gzip: that its error comes back shows that the bytes were not touched.
    packed = subprocess.run(["gzip", "-c"], input=chat().encode(), capture_output=True, check=True).stdout
    arguments = ("-H", "content-encoding: gzip", "--data-binary", "@-")
    answer = same(upstream.url, through, "/v1/chat/completions", *arguments, key=key, stdin=packed)
    assert answer.status == "HTTP/1.1 400 Bad Request"
    [record] = through.records(key)
    assert (record["unscored"], record["features"]["messages"]) == (None, 1)


def test_two_requests_on_one_connection_get_two_answers(
    upstream: Watched, through: GatewayProcess, key: str
) -> None:
    url = f"{through.url}/v1/models"
    answer = curl(url, url, "-w", "%{num_connects} ", key=key)
    assert answer.body.count(b'"object":"list"') == 2
    # The second transfer made no connection of its own.
    assert answer.body.endswith(b"0 ")


def test_a_client_that_stops_reading_the_stream_stops_the_model(
    upstream: Watched, through: GatewayProcess, key: str
) -> None:
    arguments = ("-H", "x-pace: slow", "-d", chat(stream=True), "--max-time", "1")
    answer = curl(f"{through.url}/v1/chat/completions", *arguments, key=key)
    timed_out = 28
    assert answer.exit == timed_out
    assert answer.body.startswith(b"data: ")
    assert wait_for(lambda: key in upstream.cut, "the upstream's cancellation")
    assert through.records(key)[0]["error"] == "client_gone"


def test_a_refusal_and_a_throttled_call_as_curl_sees_them(enforce: GatewayProcess, key: str) -> None:
    url = f"{enforce.url}/v1/chat/completions"
    refused = curl(url, "-A", "curl rung-refuse", "-d", chat(stream=True), key=key)
    assert refused.status == "HTTP/1.1 403 Forbidden"
    assert (refused.fields["content-type"], refused.fields["x-should-retry"]) == ("application/json", "false")
    assert json.loads(refused.body)["error"]["code"] == "usage_review"
    throttled = [curl(url, "-A", "curl rung-throttle", "-d", chat(), key=f"{key}-b") for _ in range(2)]
    assert [answer.status for answer in throttled] == ["HTTP/1.1 200 OK", "HTTP/1.1 429 Too Many Requests"]
    assert int(throttled[1].fields["retry-after"]) in (1, 2)
    # curl, told to, waits as long as the answer says.
    patient = curl(url, "-A", "curl rung-throttle", "-d", chat(), "--retry", "3", key=f"{key}-b")
    assert patient.exit == 0
    assert b'"object":"chat.completion"' in patient.body


@pytest.mark.parametrize("stream", [False, True])
def test_llama_cpps_own_route_yields_no_more_than_the_allowed_alternatives(
    stream: bool, enforce: GatewayProcess, key: str
) -> None:
    body = json.dumps({"prompt": "x", "n_predict": 4, "n_probs": 50, "stream": stream})
    answer = curl(f"{enforce.url}/completion", "-A", "curl rung-narrow", "-d", body, key=key)
    events = answer.body.split(b"\n\n") if stream else [b"data: " + answer.body]
    entries = [
        entry
        for event in events
        if event
        for entry in json.loads(event.removeprefix(b"data: ")).get("completion_probabilities", ())
    ]
    assert [len(entry["top_logprobs"]) for entry in entries] == [5, 5, 5, 5]

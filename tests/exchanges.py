"""Exchanges, answers and failing parts for the tests of `gateway.exchange`, without sockets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gateway.errors import StoreError, UpstreamError
from gateway.exchange import Answer, Exchange, Forward, Head
from gateway.gate import Gate, Headers
from gateway.model import Batch, Client, Mode, Principal, Reading
from gateway.policies.bundle import Bundle
from gateway.stores.memory import MemoryStore
from tests.support import bundle, policy

POINTS = "signals: {all: {request: {request.messages: {gte: 0}}, points: %d}}"
REFUSED = bundle(policy(POINTS % 60), policy(POINTS % 60, id="second"))
SHADOW, ENFORCE = Mode.SHADOW, Mode.ENFORCE
ASKED: Headers = [
    (b"authorization", b"Bearer sk-secret"),
    (b"content-length", b"9"),
    (b"accept-encoding", b"gzip, br"),
]
JSON_ANSWER: Headers = [(b"Content-Type", b"application/json; charset=utf-8"), (b"etag", b'"x"')]
SSE_ANSWER: Headers = [(b"content-type", b"text/event-stream")]
CLOSED = UpstreamError("closed", "the server closed the connection", sent=True)


CAP_ONLY = """
---
kind: ladder
id: default
version: 1
title: One rung
rungs: {narrow: {at: 35, do: [{cap: {n: 1}}]}}
"""


def points(count: int) -> Bundle:
    """Policies that give every scored call so many points."""
    return bundle(policy(POINTS % count))


class Doorkeeper:
    """Names everybody by the value of their key."""

    def principal(
        self, headers: Headers, peer_ip: str | None, end_user: str | None
    ) -> tuple[Principal, Client]:
        """One principal per key."""
        key = dict(headers).get(b"authorization", b"none").decode()
        return Principal(f"id of {key}"), Client(peer_ip)

    def end_user(self, text: str) -> str:
        """Not the text itself."""
        return f"hash of {len(text)} characters"


class Failing(MemoryStore):
    """A store that fails at its `nth` use, and from then on."""

    def __init__(self, nth: int) -> None:
        super().__init__(10)
        self.left = nth

    def apply(self, batches: Sequence[Batch], now: float) -> list[list[Reading]]:
        """Works a few times."""
        self.left -= 1
        if self.left < 0:
            raise StoreError("the store is away")
        return super().apply(batches, now)


def exchange(
    policies: Bundle | None,
    ceiling: Mode,
    *,
    path: bytes = b"/v1/chat/completions",
    method: str = "POST",
    headers: Headers = ASKED,
    **gate: Any,
) -> Exchange:
    """One exchange; `gate` replaces parts of its gate."""
    parts: dict[str, Any] = {"store": MemoryStore(10), "identify": Doorkeeper()} | gate
    return Exchange(Gate(policies, ceiling, **parts), Head(method, path, headers, "192.0.2.7"), "id-1", 100.0)


def chat(**fields: Any) -> bytes:
    """A chat body."""
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}).encode()


def completion(top: int = 7) -> dict[str, Any]:
    """A chat answer with so many alternatives for its one token."""
    best = [{"token": str(n), "logprob": -0.123456 - n, "bytes": None} for n in range(top)]
    entry = {**best[0], "top_logprobs": best}
    choice = {"index": 0, "message": {"role": "assistant", "content": "0"}, "logprobs": {"content": [entry]}}
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
    return {"object": "chat.completion", "choices": [choice], "usage": usage}


def pieces(data: bytes, size: int) -> list[bytes]:
    """The data in pieces of so many bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def relay(one: Exchange, chunks: Sequence[bytes]) -> bytes:
    """What the client gets of an answer's body."""
    out = b""
    for chunk in chunks:
        out += one.feed(chunk)
        one.observe(chunk)
    return out + one.end()


def error(answer: Answer | Forward) -> Any:
    """The `error` of an answer in OpenAI's shape."""
    assert isinstance(answer, Answer)
    return json.loads(answer.body)["error"]

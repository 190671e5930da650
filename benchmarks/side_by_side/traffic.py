"""The bytes that both ends agree on: requests of 2.2 KB, JSON answers of 0.6 KB, events of 0.2 KB.

Only constants and pure functions. A request tells the model server what to answer in two ordinary
parameters, which every gateway forwards: `max_tokens` is the number of events and `seed` the milliseconds
between them. Every prompt is new, because a gateway that remembers prompts must not get them for nothing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable

PATH = "/v1/chat/completions"
MODEL = "gpt-4o-mini"
"""A name that LiteLLM finds in its price list: unknown names cost it 15 % more."""
KEYS = 64
PROMPTS = 1024
PROMPT_SIZE = 2000
COUNTER = 8
"""Digits in each prompt that make it new."""
MARK = b"@"
"""Begins the time in an event; stands nowhere else in a body."""
STAMP = 15
"""Digits of the time in an event: µs of CLOCK_MONOTONIC, which all processes of a machine share."""

_WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "prstvxzm"]


def key(number: int) -> str:
    """One of the customers' API keys."""
    return f"sk-bench-{number % KEYS:03d}-0123456789abcdef"


def bodies(events: int, pace: int, stream: bool) -> list[tuple[bytes, bytes]]:
    """Request bodies of one size, each cut in two where the counter goes."""
    chance = random.Random(events * 1000 + pace)
    return [_body(chance, events, pace, stream) for _ in range(PROMPTS)]


def _body(chance: random.Random, events: int, pace: int, stream: bool) -> tuple[bytes, bytes]:
    words = " ".join(chance.choices(_WORDS, k=PROMPT_SIZE // 3))[: PROMPT_SIZE - COUNTER - 8]
    system = "You are a careful assistant of a bookshop. Answer in two sentences."
    document = {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": f"Order {'#' * COUNTER}. {words}"},
        ],
        "temperature": 0.7,
        "max_tokens": events,
        "seed": pace,
    } | ({"stream": True} if stream else {})
    before, after = json.dumps(document).encode().split(b"#" * COUNTER)
    return before, after


def head(host: str, key: str, length: int, more: Iterable[tuple[str, str]] = ()) -> bytes:
    """A request head as an SDK's."""
    fields = [
        ("host", host),
        ("authorization", f"Bearer {key}"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("user-agent", "OpenAI/Python 2.30.0"),
        ("content-length", str(length)),
        *more,
    ]
    lines = [f"POST {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode()


def answer() -> bytes:
    """A whole answer with its head."""
    words = " ".join(random.Random(1).choices(_WORDS, k=60))
    document = {
        "id": "chatcmpl-bench-0123456789",
        "object": "chat.completion",
        "created": 1790000000,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": words, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 500, "completion_tokens": 90, "total_tokens": 590},
        "system_fingerprint": "fp_0123456789",
    }
    body = json.dumps(document).encode()
    fields = b"content-type: application/json\r\nx-request-id: req-bench\r\ncontent-length: %d" % len(body)
    return b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (fields, body)


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"x-request-id: req-bench\r\ntransfer-encoding: chunked\r\n\r\n"
)
STREAM_END = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


def event(number: int, last: bool) -> tuple[bytes, bytes]:
    """One event as an HTTP chunk, cut in two where its time goes.

    The words differ from event to event: LiteLLM ends a stream that says the same a hundred times.
    """
    words = f" {_WORDS[number % len(_WORDS)]} {_WORDS[number * 7 % len(_WORDS)]}"
    document = {
        "id": "chatcmpl-bench-0123456789",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "delta": {"content": MARK.decode() + "#" * STAMP + words},
                "finish_reason": "stop" if last else None,
            }
        ],
    }
    payload = f"data: {json.dumps(document)}\n\n".encode()
    before, after = payload.split(b"#" * STAMP)
    return b"%x\r\n%b" % (len(payload), before), after + b"\r\n"


def events(count: int) -> list[tuple[bytes, bytes]]:
    """All events of a stream, the end mark not among them."""
    return [event(number, number == count - 1) for number in range(count)]

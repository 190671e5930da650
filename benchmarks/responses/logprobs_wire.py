"""How an attacker speaks to a model server: the shapes in which probabilities are asked for and come back.

Only what an HTTP client sees belongs here. A shape is one API, whole or streamed; its answers are searched as
an attacker would, for numbers beside tokens wherever they stand.
"""

from __future__ import annotations

import http.client
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Body = dict[str, Any]
Values = dict[int, float]
"""Token id → log-probability (up to what is common to all), of one position."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to ask: the path, what holds the prompt, the limit, and what asks for alternatives."""

    name: str
    path: str
    prompt: str
    limit: str
    top: str
    stream: bool = False
    extra: Body = field(default_factory=dict)

    def body(self, prompt: str, top: int, **more: Any) -> Body:
        """A greedy request for one token with `top` alternatives."""
        said: Any = prompt
        if self.prompt == "messages":
            # An empty system prompt in place of the template's own, which costs most of the time.
            said = [{"role": "system", "content": ""}, {"role": "user", "content": prompt}]
        body: Body = {"model": "m", self.prompt: said, self.limit: 1, "temperature": 0, "stream": self.stream}
        if top and self.top == "top_logprobs":
            body["logprobs"] = True
        if top:
            body[self.top] = top
        return body | self.extra | more


def _shapes() -> Iterator[Shape]:
    for stream in (False, True):
        kind = ", streamed" if stream else ""
        yield Shape(
            f"chat top_logprobs{kind}",
            "/v1/chat/completions",
            "messages",
            "max_tokens",
            "top_logprobs",
            stream,
        )
        yield Shape(
            f"chat n_probs{kind}", "/v1/chat/completions", "messages", "max_tokens", "n_probs", stream
        )
        yield Shape(f"legacy logprobs{kind}", "/v1/completions", "prompt", "max_tokens", "logprobs", stream)
        echo = {"echo": True}
        yield Shape(f"legacy echo{kind}", "/v1/completions", "prompt", "max_tokens", "logprobs", stream, echo)
        yield Shape(f"native n_probs{kind}", "/completion", "prompt", "n_predict", "n_probs", stream)
        yield Shape(f"responses{kind}", "/v1/responses", "input", "max_output_tokens", "top_logprobs", stream)


SHAPES = tuple(_shapes())
NATIVE = next(shape for shape in SHAPES if shape.top == "n_probs" and shape.prompt == "prompt")


@dataclass(slots=True)
class Target:
    """A server under attack; counts what was asked. Of a refusal or an error it gives an empty answer."""

    url: str
    agent: str = "attacker"
    key: str = "sk-attacker"
    queries: int = 0
    _connection: http.client.HTTPConnection | None = None

    def ask(self, shape: Shape, body: Body) -> bytes:
        """The answer's bytes; empty unless it is a success."""
        self.queries += 1
        data = json.dumps(body).encode()
        for attempt in (1, 2):
            try:
                return self._send(shape.path, data)
            except (http.client.HTTPException, OSError):
                # llama.cpp closes a connection unannounced when it has streamed over it.
                self.close()
                if attempt == 2:
                    raise
        raise AssertionError

    def _send(self, path: str, data: bytes) -> bytes:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=120)
        headers = {
            "content-type": "application/json",
            "user-agent": self.agent,
            "authorization": f"Bearer {self.key}",
        }
        self._connection.request("POST", path, data, headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        return raw if answer.status == http.HTTPStatus.OK else b""

    def close(self) -> None:
        """Drop the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def messages(raw: bytes) -> list[Any]:
    """Every JSON value in an answer or a stream of events."""
    if not raw.startswith((b"data:", b"event:")):
        return [json.loads(raw)] if raw else []
    lines = [line[5:].strip() for line in raw.split(b"\n") if line.startswith(b"data:")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def values(raw: bytes) -> Values:
    """Every number beside a token, wherever in the answer; those hidden from the reader say nothing."""
    found: Values = {}
    for message in messages(raw):
        for entry in _entries(message):
            if (value := _value(entry)) is not None:
                found.setdefault(entry["id"], value)
    return found


def _entries(value: Any) -> Iterator[Body]:
    if isinstance(value, dict):
        if isinstance(value.get("id"), int) and ("logprob" in value or "prob" in value):
            yield value
        # vLLM's prompt_logprobs: a map from token id to what is said of it.
        keyed = [(key, inner) for key, inner in value.items() if key.isdigit() and isinstance(inner, dict)]
        yield from ({"id": int(key), **inner} for key, inner in keyed if "logprob" in inner)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _entries(item)


def _value(entry: Body) -> float | None:
    if "logprob" in entry:
        return None if entry["logprob"] <= -9999 else float(entry["logprob"])
    return math.log(entry["prob"]) if entry["prob"] > 0 else None


_TEXTS = ("content", "text", "delta")


def text(raw: bytes) -> str:
    """The answer's text, whole or streamed."""
    return "".join(piece for message in messages(raw) for piece in _pieces(message))


def _pieces(message: Body) -> Iterator[str]:
    for holder in (message, *message.get("choices", [])):
        inner = holder.get("message") or holder.get("delta") or holder
        if isinstance(inner, str):
            yield inner
            continue
        for key in _TEXTS:
            if isinstance(inner.get(key), str):
                yield inner[key]

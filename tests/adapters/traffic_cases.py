"""One recorded hour for all drivers: requests as clients send them, and answers as servers give them.

Each case knows what its line in a traffic file says, so that the same traffic can be sent and replayed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import LADDER, policy

SHIPPED = Path(__file__).parents[2] / "policies"
POINTS = {"watch": 25, "narrow": 40, "throttle": 55, "perturb": 70, "refuse": 45}
"""Which rung a client stands on is said by its User-Agent."""


@dataclass(frozen=True)
class Case:
    """One exchange. `told` is what its line says beside the request."""

    name: str
    path: str
    body: bytes
    answer: bytes
    told: dict[str, Any]
    agent: str = "sdk/1"
    key: str | None = "sk-one"

    def request(self) -> bytes:
        """As it goes over the wire; the upstream finds the answer by `x-case`."""
        fields = {"host": "g", "user-agent": self.agent, "x-case": self.name, "accept-encoding": "gzip"}
        if self.key is not None:
            fields["authorization"] = f"Bearer {self.key}"
        fields["content-length"] = str(len(self.body))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + self.body

    def line(self, ts: float, identity: dict[str, Any]) -> bytes:
        """As it stands in a traffic file, the body byte for byte."""
        head = {"ts": ts, "ip": "127.0.0.1", "ua": self.agent, "route": self.path} | identity | self.told
        return json.dumps(head).encode()[:-1] + b', "request": ' + self.body + b"}\n"


@dataclass
class Cases:
    """Collects cases."""

    found: list[Case] = field(default_factory=list)

    def add(
        self,
        name: str,
        path: str,
        body: dict[str, Any] | bytes,
        answer: Any = None,
        *,
        stream: bytes | None = None,
        usage: dict[str, Any] | None = None,
        status: int = 200,
        **more: Any,
    ) -> None:
        """A case with a whole `answer`, or with a `stream` whose cost the line tells in `usage`."""
        told: dict[str, Any] = {} if status == 200 else {"status": status}
        if stream is None:
            wire, told = _whole(answer, status), told | {"response": answer}
        else:
            wire, told = stream, told | {"usage": usage}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.found.append(Case(name, path, raw, wire, told, **more))


def _whole(answer: Any, status: int) -> bytes:
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _chunked(kind: str, pieces: list[bytes]) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    # Cut in the middle of events, as networks do.
    data = b"".join(pieces)
    parts = [data[at : at + 37] for at in range(0, len(data), 37)]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def sse(*events: dict[str, Any], done: bool = True, named: bool = False) -> bytes:
    """A chunked event stream."""
    pieces = [
        (f"event: {event['type']}\n" if named else "").encode() + b"data: " + json.dumps(event).encode()
        for event in events
    ]
    return _chunked("text/event-stream", [piece + b"\n\n" for piece in pieces] + [b"data: [DONE]\n\n"] * done)


def ndjson(*events: dict[str, Any]) -> bytes:
    """A chunked stream of lines."""
    return _chunked("application/x-ndjson", [json.dumps(event).encode() + b"\n" for event in events])


TOP = [{"token": t, "logprob": -0.1234567 - i, "bytes": None} for i, t in enumerate("abcdefgh")]
LOGPROBS = {"content": [{"token": "a", "logprob": -0.1234567, "bytes": None, "top_logprobs": TOP}]}


def chat(*texts: str, **more: Any) -> dict[str, Any]:
    """A conversation: user and assistant in turn."""
    roles = ("user", "assistant")
    messages = [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)]
    return {"model": "m-1", "messages": messages} | more


def completion(*texts: str, **choice: Any) -> dict[str, Any]:
    """A chat answer with one choice per text."""
    choices = [
        {"index": at, "message": {"role": "assistant", "content": text}, **choice}
        for at, text in enumerate(texts)
    ]
    spent: dict[str, Any] = {"prompt_tokens": 11, "completion_tokens": 7 * len(texts), "total_tokens": 18}
    spent["completion_tokens_details"] = {"reasoning_tokens": 3}
    return {"id": "c", "object": "chat.completion", "choices": choices, "usage": spent}


def delta(text: str, **more: Any) -> dict[str, Any]:
    """One chat event."""
    return {"id": "c", "choices": [{"index": 0, "delta": {"content": text}, **more}]}


CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
SPENT: dict[str, Any] = {"id": "c", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}


def cases() -> list[Case]:
    """All of them, in order."""
    all_cases = Cases()
    _conversations(all_cases)
    _other_apis(all_cases)
    _trouble(all_cases)
    _rungs(all_cases)
    return all_cases.found


def _conversations(to: Cases) -> None:
    talk = ["What is a quine?", "A program that prints itself.", "Show one in Python, please."]
    talk += ["print('...')", "And one in Haskell, with an explanation of every step?"]
    for turns in (1, 3, 5):
        to.add(f"talk-{turns}", CHAT, chat(*talk[:turns]), completion("an answer"))
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    to.add(
        "stream-usage",
        CHAT,
        chat("count", **streamed),
        stream=sse(delta("one "), delta("two"), SPENT),
        usage=SPENT["usage"],
    )
    to.add(
        "stream-without-usage",
        CHAT,
        chat("count to three", stream=True),
        stream=sse(delta("one "), delta("two "), delta("three")),
        usage={"input_tokens": 4, "output_tokens": 4, "estimated": True},
    )
    to.add("end-user", CHAT, chat("hello", user="alice"), completion("hi"))
    to.add("alias", "/openai/x/../deployments/d/chat/completions?v=1", chat("hey"), completion("yo"))
    to.add("no-key", CHAT, chat("who am I?"), completion("an address"), key=None)


def _other_apis(to: Cases) -> None:
    hello = {"model": "m-2", "max_tokens": 20, "messages": [{"role": "user", "content": "hello"}]}
    spent = {"input_tokens": 5, "output_tokens": 6, "cache_read_input_tokens": 100}
    answer = {"type": "message", "content": [{"type": "text", "text": "hi"}], "usage": spent}
    to.add("messages", f"{MESSAGES}?beta=true", hello | {"system": "be brief"}, answer)
    events: tuple[dict[str, Any], ...] = (
        {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 6}},
        {"type": "message_stop"},
    )
    to.add(
        "messages-stream",
        MESSAGES,
        hello | {"stream": True},
        stream=sse(*events, done=False, named=True),
        usage={"input_tokens": 5, "output_tokens": 6},
    )
    to.add(
        "prompts",
        "/v1/completions",
        {"model": "m", "prompt": ["a", "b", "a longer one"], "echo": True, "logprobs": 3},
        {"choices": [{"index": 0, "text": "x"}], "usage": {"prompt_tokens": 6, "completion_tokens": 2}},
    )
    lines = ({"message": {"content": "Hi"}, "done": False}, {"done": True, "prompt_eval_count": 3})
    to.add(
        "ollama",
        "/api/chat",
        chat("hello there"),
        stream=ndjson(*lines),
        usage={"prompt_eval_count": 3, "eval_count": 0},
    )
    output = [{"type": "message", "content": [{"type": "output_text", "text": "42"}]}]
    details = {"input_tokens": 8, "output_tokens": 30, "output_tokens_details": {"reasoning_tokens": 28}}
    body = {"model": "m", "input": "think", "reasoning": {"effort": "high"}}
    to.add("responses", "/v1/responses", body, {"object": "response", "output": output, "usage": details})
    native = {"content": "x", "tokens_evaluated": 5, "tokens_predicted": 2, "stop": True}
    to.add("llamacpp", "/completion", {"prompt": "y", "n_probs": 5}, native)
    vector = {"data": [{"embedding": [0.1, 0.2]}], "usage": {"prompt_tokens": 3}}
    to.add("embeddings", "/v1/embeddings", {"model": "e", "input": ["one", "two"]}, vector)


def _trouble(to: Cases) -> None:
    bad = {"error": {"message": "no", "type": "invalid_request_error"}}
    for name, body in {
        "not-an-object": b"[1, 2]",
        "wrong-type": b'{"messages": 5}',
        "duplicate": b'{"stream": false, "stream": true, "messages": []}',
    }.items():
        to.add(name, CHAT, body, bad, status=400)
        to.add(f"{name}-messages", MESSAGES, body, {"type": "error"} | bad, status=400)
    to.add("unknown", "/v1/files?x=1", {"purpose": "batch"}, {"id": "file-1"}, status=201)
    to.add("busy", CHAT, chat("anyone there?"), bad, status=529)


def _rungs(to: Cases) -> None:
    asked = {"logprobs": True, "top_logprobs": 20}
    narrow: dict[str, Any] = {"agent": "rung-narrow", "key": "sk-narrow"}
    to.add("probabilities", CHAT, chat("p", **asked), completion("a", logprobs=LOGPROBS), **narrow)
    to.add(
        "probabilities-stream",
        CHAT,
        chat("q", stream=True, **asked),
        stream=sse(delta("a", logprobs=LOGPROBS), delta("b", logprobs=LOGPROBS), SPENT),
        usage=SPENT["usage"],
        **narrow,
    )
    to.add("cap", CHAT, chat("three", n=3), completion("a", "b", "c"), **narrow)
    to.add("watched", CHAT, chat("w"), completion("w"), agent="rung-watch", key="sk-watch")
    for number in range(4):
        body = chat(f"faster {number}")
        to.add(f"throttle-{number}", CHAT, body, completion("ok"), agent="rung-throttle", key="sk-throttle")
    thinking = completion("<think>because</think>so")
    to.add("slow", CHAT, chat("why?"), thinking, agent="rung-perturb", key="sk-slow")
    for path in (CHAT, MESSAGES):
        to.add(f"refuse{path}", path, chat("x", max_tokens=5), bad_answer(path), **_REFUSED)
    to.add("after", CHAT, chat("is it still me?"), completion("yes"), key="sk-refuse")


_REFUSED: dict[str, Any] = {"agent": "rung-refuse", "key": "sk-refuse"}


def bad_answer(path: str) -> dict[str, Any]:
    """An answer that a refused client must not get."""
    return completion("secret") if path == CHAT else {"type": "message", "content": []}


def write_policies(directory: Path) -> Path:
    """All shipped policies, some that count small numbers, and rungs for the asking; in `directory`."""
    directory.mkdir()
    for file in SHIPPED.glob("*.yaml"):
        if file.name != "ladder.yaml":
            (directory / file.name).write_text(file.read_text())
    for pack in SHIPPED.rglob("*.corpus"):
        (directory / pack.name).write_bytes(pack.read_bytes())
    rungs = {
        rung: {"request": {"client.user_agent": f"rung-{rung}"}, "points": points}
        for rung, points in POINTS.items()
    }
    documents = [
        policy(f"signals: {json.dumps(rungs)}", id="rungs"),
        # Two policies must agree before anybody is refused.
        policy(f"signals: {json.dumps({'refuse': rungs['refuse']})}", id="second"),
        policy(f"signals: {json.dumps(_SMALL)}", id="small", cap=15),
    ]
    (directory / "test.yaml").write_text("\n".join([*documents, LADDER.replace("by: 1s", "by: 10ms")]))
    return directory


def _counted(of: str, high: int) -> dict[str, Any]:
    return {"count": {"of": of, "over": "10m"}, "ramp": [0, high], "points": 3}


_SMALL = {
    "requests": _counted("requests", 40),
    "prompts": _counted("prompts", 50),
    "input": _counted("input_tokens", 900),
    "output": _counted("output_tokens", 500),
    "probabilities": _counted("logprob_tokens", 60),
    "spread": {"distinct": {"of": "prompts", "over": "10m"}, "ramp": [0, 50], "points": 3},
    "thinking": {"field": "usage.reasoning_tokens", "ramp": [0, 90], "points": 3},
    "key": {"request": {"principal.kind": "address"}, "points": 2},
    "alike": {
        "profile": {"metric": "repeats", "min": 2},
        "ramp": [0, 1],
        "points": 2,
    },
    "steady": {"cadence": {"metric": "interval_cv", "over": "10m", "min": 3}, "ramp": [2, 0], "points": 2},
}

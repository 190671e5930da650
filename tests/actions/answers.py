"""Answers of every dialect, whole and streamed, and the text that a client would read in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gateway import dialects
from gateway.actions.base import Editor
from gateway.stream import DocumentRewriter, Rewriter
from tests.actions.helpers import SPEAKING

Message = dict[str, Any]


def whole(dialect: str, text: str) -> Message:
    """One complete answer."""
    if dialect == "anthropic":
        return {"type": "message", "role": "assistant", "content": [{"type": "text", "text": text}]}
    if dialect == "openai_responses":
        part = {"type": "output_text", "text": text, "annotations": []}
        return {"object": "response", "output": [{"type": "message", "content": [part]}]}
    if dialect == "ollama":
        return {"message": {"role": "assistant", "content": text}, "done": True}
    if dialect == "llamacpp":
        return {"content": text, "stop": True}
    if dialect == "openai_completions":
        return {"choices": [{"index": 0, "text": text, "finish_reason": "stop"}]}
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def events(dialect: str, pieces: Sequence[str]) -> list[Message]:
    """The same answer as the events of a stream, one for each piece and those around them."""
    if dialect == "anthropic":
        start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        delta = {"type": "content_block_delta", "index": 0}
        middle = [{**delta, "delta": {"type": "text_delta", "text": piece}} for piece in pieces]
        return [
            {"type": "message_start", "message": {"content": []}},
            start,
            *middle,
            {"type": "content_block_stop", "index": 0},
            {"type": "message_stop"},
        ]
    if dialect == "openai_responses":
        return _responses(pieces)
    if dialect == "ollama":
        said = [{"message": {"role": "assistant", "content": piece}, "done": False} for piece in pieces]
        return [*said, {"message": {"role": "assistant", "content": ""}, "done": True}]
    if dialect == "llamacpp":
        return [*({"content": piece, "stop": False} for piece in pieces), {"content": "", "stop": True}]
    if dialect == "openai_completions":
        said = [{"choices": [{"index": 0, "text": piece, "finish_reason": None}]} for piece in pieces]
        return [*said, {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}]
    deltas: list[Message] = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [*chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]


def _responses(pieces: Sequence[str]) -> list[Message]:
    text = "".join(pieces)
    place = {"output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"type": "message", "content": [part]}
    deltas = [{"type": "response.output_text.delta", **place, "delta": piece} for piece in pieces]
    return [
        {"type": "response.content_part.added", **place, "part": {"type": "output_text", "text": ""}},
        *deltas,
        {"type": "response.output_text.done", **place, "text": text},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"output": [item]}},
    ]


def edited_whole(dialect: str, message: Message, *editors: Editor) -> Message:
    """A complete answer after the editors."""
    rewriter = DocumentRewriter(editors)
    rewriter.feed(json.dumps(message).encode())
    found: Message = json.loads(rewriter.close())
    return found


def edited_stream(
    dialect: str, messages: Sequence[Message], *editors: Editor, done: bool = True
) -> list[Message]:
    """The events of a stream after the editors; `done` adds OpenAI's end marker where there is one."""
    known = dialects.get(dialect)
    rewriter = Rewriter(known, editors)
    sse = known.framing == "sse"
    frame = b"data: %b\n\n" if sse else b"%b\n"
    out = b"".join([rewriter.feed(frame % json.dumps(message).encode()) for message in messages])
    if sse and done:
        out += rewriter.feed(b"data: [DONE]\n\n")
    out += rewriter.close()
    lines = [
        line.removeprefix(b"data: ") for line in out.split(b"\n") if line and not line.startswith(b"event")
    ]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def said(dialect: str, messages: Sequence[Message]) -> str:
    """The text of the answer, as a client puts it together: what comes after an end is not read."""
    known = dialects.get(dialect)
    out: list[str] = []
    for message in messages:
        parts = known.content_parts(message)
        if message.get("type", "").startswith("response.") and "delta" not in message:
            parts = iter(())  # they repeat what the deltas have said
        out += (text for _, holder, name in parts if isinstance(text := holder[name], str))
        if list(known.ends(message)):
            return "".join(out)
    return "".join(out)


__all__ = ["SPEAKING", "Message", "edited_stream", "edited_whole", "events", "said", "whole"]

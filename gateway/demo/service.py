"""The demo upstream as a raw ASGI application: paths, bodies, errors, and the pace of streams."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.demo import anthropic, llamacpp, ollama, openai_chat, openai_completions, openai_responses
from gateway.demo.wire import Answer, Body, Object, RefusedError, Stream, Whole, encode
from gateway.demo.words import identifier

DELAY = 0.003
"""Seconds between stream events: about 300 tokens per second."""

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_POST: dict[str, Callable[[Body], Answer]] = {
    "/v1/chat/completions": openai_chat.chat,
    "/v1/completions": openai_completions.completions,
    "/v1/responses": openai_responses.responses,
    "/v1/embeddings": openai_completions.embeddings,
    "/v1/messages": anthropic.messages,
    "/v1/messages/count_tokens": anthropic.count_tokens,
    "/api/chat": ollama.chat,
    "/api/generate": ollama.completions,
    "/completion": llamacpp.completions,
}


def create_app(delay: float | None = None) -> Application:
    """An application with `delay` seconds between stream events.

    None takes `GATEWAY_DEMO_DELAY` from the environment, else DELAY.
    """
    pace = float(os.environ.get("GATEWAY_DEMO_DELAY", DELAY)) if delay is None else delay

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            raw = await _read(receive)
            if raw is not None:
                await _respond(scope, raw, receive, send, pace)

    return app


async def _live(receive: Receive, send: Send) -> None:
    for stage in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{stage}.complete"})


async def _read(receive: Receive) -> bytes | None:
    """The request's body; None if the client has left."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _respond(scope: Scope, raw: bytes, receive: Receive, send: Send, pace: float) -> None:
    path, method = str(scope["path"]), str(scope["method"])
    of_anthropic = any(name == b"anthropic-version" for name, _ in scope["headers"])
    request_id = identifier("req_", path, raw)
    try:
        answer = _route(method, path, raw, of_anthropic)
    except RefusedError as refused:
        answer = Whole(_error(path, refused, of_anthropic, request_id), refused.status)
    content_type = answer.content_type if isinstance(answer, Stream) else "application/json"
    headers = [
        (b"content-type", content_type.encode()),
        (b"x-request-id", request_id.encode()),
        # Where the Anthropic SDK looks for it.
        (b"request-id", request_id.encode()),
    ]
    if isinstance(answer, Stream):
        headers.append((b"cache-control", b"no-cache"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _stream(answer, receive, send, pace)
    else:
        body = encode(answer.body)
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


async def _stream(answer: Stream, receive: Receive, send: Send, pace: float) -> None:
    """Send event by event and stop when the client leaves, as a model server should."""
    gone = asyncio.ensure_future(receive())
    try:
        for event in answer.events:
            await send({"type": "http.response.body", "body": event, "more_body": True})
            await asyncio.wait((gone,), timeout=pace)
            if gone.done():
                return
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


def _route(method: str, path: str, raw: bytes, of_anthropic: bool) -> Answer:
    if method in ("GET", "HEAD"):
        return _get(path, of_anthropic)
    # Many clients are given a base URL without its version.
    handler = _POST.get(path) or _POST.get(f"/v1{path}")
    if handler is None:
        raise RefusedError(f"Unknown request URL: {method} {path}.", status=404)
    if method != "POST":
        raise RefusedError(f"Not allowed: {method} {path}.", status=405)
    try:
        return handler(Body.parse(raw))
    except RecursionError:
        # Content and schemas are read recursively; the parser allows more depth than they do.
        raise RefusedError("The body of your request is nested too deeply.") from None


def _get(path: str, of_anthropic: bool) -> Answer:
    if path in ("/", "/health"):
        return Whole({"status": "ok", "note": "This is the demo upstream: its answers are scripted."})
    if path == "/api/tags":
        return ollama.tags()
    short = path.removeprefix("/v1")
    if short == "/models":
        return anthropic.models() if of_anthropic else openai_completions.models()
    if short.startswith("/models/"):
        name = short.removeprefix("/models/")
        return anthropic.model(name) if of_anthropic else openai_completions.model(name)
    if path in _POST:
        raise RefusedError(f"Not allowed: GET {path}.", status=405)
    raise RefusedError(f"Unknown request URL: GET {path}.", status=404)


def _error(path: str, refused: RefusedError, of_anthropic: bool, request_id: str) -> Object:
    """The refusal in the shape of the API that was asked."""
    kind = "not_found_error" if refused.status == 404 else "invalid_request_error"
    if of_anthropic or path.startswith(("/v1/messages", "/messages")):
        said: Object = {"type": kind, "message": refused.message}
        return {"type": "error", "error": said, "request_id": request_id}
    if path.startswith("/api/"):
        return {"error": refused.message}
    if path == "/completion":
        return {"error": {"code": refused.status, "message": refused.message, "type": kind}}
    return {"error": {"message": refused.message, "type": kind, "param": refused.param, "code": None}}

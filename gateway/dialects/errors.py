"""The shapes of errors in each API: bodies, and the last event of a broken stream.

What happened is decided elsewhere; here it is only worded. The decision id always reaches the client,
in a field where the API has one and else in the message, so that it can be quoted in a ticket.
"""

from __future__ import annotations

from gateway.dialects.base import Failure, Object
from gateway.dialects.body import encode

_OPENAI = {
    "permission": "permission_error",
    "not_found": "not_found_error",
    "rate_limit": "rate_limit_error",
    "upstream": "server_error",
    "timeout": "server_error",
    "unavailable": "server_error",
}
_ANTHROPIC = {
    "too_large": "request_too_large",
    "permission": "permission_error",
    "not_found": "not_found_error",
    "rate_limit": "rate_limit_error",
    "upstream": "api_error",
    "timeout": "timeout_error",
    "unavailable": "overloaded_error",
}
"""platform.claude.com, "Errors"."""
_LLAMACPP = {
    "permission": "permission_error",
    "not_found": "not_found_error",
    "rate_limit": "unavailable_error",
    "upstream": "server_error",
    "timeout": "server_error",
    "unavailable": "unavailable_error",
}
"""`format_error_response` in llama.cpp's server."""


def _type(table: dict[str, str], failure: Failure) -> str:
    if failure.status == 401:
        return "authentication_error"
    return table.get(failure.kind, "invalid_request_error")


def _message(failure: Failure) -> str:
    return f"{failure.message} (request {failure.decision})"


def openai(failure: Failure) -> Object:
    """`{"error": {message, type, param, code}}`."""
    return {
        "error": {
            "message": _message(failure),
            "type": _type(_OPENAI, failure),
            "param": None,
            "code": failure.code,
        }
    }


def anthropic(failure: Failure) -> Object:
    """`{"type": "error", "error": {type, message}, "request_id"}`."""
    return {
        "type": "error",
        "error": {"type": _type(_ANTHROPIC, failure), "message": failure.message},
        "request_id": failure.decision,
    }


def ollama(failure: Failure) -> Object:
    """`{"error": "message"}`."""
    return {"error": _message(failure)}


def llamacpp(failure: Failure) -> Object:
    """`{"error": {code, message, type}}`, the code being the status."""
    return {
        "error": {
            "code": failure.status,
            "message": _message(failure),
            "type": _type(_LLAMACPP, failure),
        }
    }


def responses_failed(failure: Failure) -> bytes:
    """`error`, then `response.failed`, the two terminal events of the Responses API.

    openai-python raises on a `data` object with a truthy `error` and only hands the documented
    top-level `code` and `message` on, so the first event carries both. Clients that wait for
    `response.failed` find the second. Sequence numbers are unknown to a stateless dialect.
    """
    details = openai(failure)["error"]
    first: Object = {
        "type": "error",
        "code": failure.code,
        "message": _message(failure),
        "param": None,
        "sequence_number": 0,
        "error": details,
    }
    second: Object = {
        "type": "response.failed",
        "sequence_number": 0,
        "response": {
            "id": f"resp_{failure.decision}",
            "object": "response",
            "created_at": 0,
            "model": "",
            "status": "failed",
            "error": {"code": "server_error", "message": _message(failure)},
            "output": [],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
        },
    }
    return sse(first, "error") + sse(second, "response.failed")


def document(message: Object) -> bytes:
    """A whole JSON body."""
    return encode(message)


def sse(message: Object, event: str | None = None) -> bytes:
    """One server-sent event."""
    head = b"" if event is None else f"event: {event}\n".encode()
    return head + b"data: " + encode(message) + b"\n\n"

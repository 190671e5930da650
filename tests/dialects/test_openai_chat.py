"""Chat completion requests, with what engines add to them."""

from __future__ import annotations

from gateway.dialects import get
from gateway.dialects.base import Object
from gateway.dialects.routes import resolve
from gateway.model import Call, Turn


def _read(body: Object) -> Call:
    route = resolve("POST", "/v1/chat/completions")
    assert route is not None
    return get(route.dialect).read(body, route, 100)


def test_a_whole_request_is_read() -> None:
    call = _read(
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [{"type": "text", "text": "u"}]},
            ],
            "stream": True,
            "max_completion_tokens": 5,
            "logprobs": True,
            "top_logprobs": 3,
            "user": "old",
            "safety_identifier": "new",
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "response_format": {"type": "json_schema", "json_schema": {}},
        }
    )
    assert (call.model, call.stream, call.size, call.messages, call.prompts) == ("m", True, 100, 2, 1)
    assert call.turns == (Turn("system", "s"), Turn("user", "u"))
    assert call.end_user == "new"
    found = call.parameters
    assert (found.max_tokens, found.logprobs, found.top_logprobs) == (5, True, 3)
    assert (found.tools, found.grammar) == (1, True)


def test_text_beside_the_messages_is_read_too() -> None:
    call = _read(
        {
            "messages": [{"role": "user", "content": "u"}],
            "chat_template": "{{ secret }}",
            "documents": [{"title": "t", "text": "d"}],
            "prompt": ["p", "q"],
            "user": "someone",
        }
    )
    assert call.turns == (
        Turn("system", "{{ secret }}"),
        Turn("user", "u"),
        Turn("user", "t\nd"),
        Turn("user", "p"),
        Turn("user", "q"),
    )
    assert (call.prompts, call.end_user) == (2, "someone")

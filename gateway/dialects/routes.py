"""Which wire API a request path means, however the path is written.

Scoring hangs on this: a path that some server normalises to a known one but that we do not know would
pass unscored. So the path is made canonical as the most lenient server would, and known paths are
recognised by their last segments, so that any prefix works. To recognise too much only costs a score;
to recognise too little is a way around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from gateway.dialects.base import Dialect
from gateway.dialects.registry import get
from gateway.model import Route

_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/\\?#%]*")
_QUERY = re.compile(rb"[?#]")
_PARAMETERS = re.compile(rb"[;?#].*", re.DOTALL)
_BLANK = bytes(range(0x21)) + b"\x7f"
_REMEMBERED = 128
"""Bytes of a request target up to which its route is remembered."""
_ROUNDS = 10
"""Times that percent-encoding is undone; no chain of servers decodes that often."""


def _route(dialect: str, endpoint: str, path: str) -> Route:
    return Route(dialect, endpoint, path)


_LLAMACPP_COMPLETIONS = _route("llamacpp", "completions", "/completions")

_POST: dict[tuple[str, ...], Route] = {
    ("chat", "completions"): _route("openai_chat", "chat", "/v1/chat/completions"),
    # vLLM's SageMaker alias: it picks chat or completions by the body, and this dialect reads both.
    ("invocations",): _route("openai_chat", "chat", "/invocations"),
    ("completions",): _route("openai_completions", "completions", "/v1/completions"),
    ("responses",): _route("openai_responses", "responses", "/v1/responses"),
    ("responses", "input_tokens"): _route("openai_responses", "count_tokens", "/v1/responses/input_tokens"),
    ("embeddings",): _route("embeddings", "embeddings", "/v1/embeddings"),
    ("messages",): _route("anthropic", "messages", "/v1/messages"),
    ("messages", "count_tokens"): _route("anthropic", "count_tokens", "/v1/messages/count_tokens"),
    ("v1", "complete"): _route("anthropic", "completions", "/v1/complete"),
    ("api", "chat"): _route("ollama", "chat", "/api/chat"),
    ("api", "generate"): _route("ollama", "completions", "/api/generate"),
    ("api", "embed"): _route("ollama", "embeddings", "/api/embed"),
    ("api", "embeddings"): _route("ollama", "embeddings", "/api/embeddings"),
    ("completion",): _route("llamacpp", "completions", "/completion"),
    ("infill",): _route("llamacpp", "completions", "/infill"),
    ("embedding",): _route("llamacpp", "embeddings", "/embedding"),
}
_GET: dict[tuple[str, ...], Route] = {
    ("models",): _route("models", "models", "/v1/models"),
    ("api", "tags"): _route("models", "models", "/api/tags"),
}
_GET_MODEL = _route("models", "models", "/v1/models/{id}")


def resolve(method: str, raw_path: bytes | str) -> Route | None:
    """The known route of a request target (path, query ignored), or None; never raises."""
    # Long targets are not remembered: whoever sends them chooses how much memory that takes.
    return _remembered(method, raw_path) if len(raw_path) <= _REMEMBERED else _resolve(method, raw_path)


def _resolve(method: str, raw_path: bytes | str) -> Route | None:
    found = segments(raw_path)
    if method.upper() == "POST":
        return _post(found)
    return _get(found) if method.upper() == "GET" else None


_remembered = lru_cache(maxsize=512)(_resolve)


def add(route: Route) -> None:
    """One more path, known by its last two segments behind any prefix, as all are. Raises ValueError."""
    key = segments(route.path)[-2:]
    if not key or key in _POST or key[-1:] in _POST:
        raise ValueError(f"the path '{route.path}' is known already, or is none")
    _POST[key] = route
    _remembered.cache_clear()


def dialect_for_errors(raw_path: bytes | str, headers: Iterable[tuple[bytes, bytes]]) -> Dialect:
    """The dialect that the sender of an unknown request most likely reads."""
    if any(name.lower() == b"anthropic-version" for name, _ in headers):
        return get("anthropic")
    found = segments(raw_path)
    route = _post(found)
    if route is not None:
        return get(route.dialect)
    if "messages" in found:
        return get("anthropic")
    native = found[:1] == ("api",) and found[1:2] != ("v1",)
    return get("ollama" if native else "openai_chat")


def segments(raw_path: bytes | str) -> tuple[str, ...]:
    """The path as the most lenient server would read it: lower-case segments without empty ones."""
    raw = raw_path.encode("utf-8", "surrogatepass") if isinstance(raw_path, str) else raw_path
    raw = _QUERY.split(_SCHEME.sub(b"", raw, count=1) if _SCHEME.match(raw) else raw, maxsplit=1)[0]
    for _ in range(_ROUNDS):
        decoded = unquote_to_bytes(raw)
        if decoded == raw:
            break
        raw = decoded
    found: list[str] = []
    for part in raw.replace(b"\\", b"/").split(b"/"):
        name = _PARAMETERS.sub(b"", part).translate(None, _BLANK).lower()
        if name == b"..":
            del found[-1:]
        elif name not in (b"", b"."):
            found.append(name.decode("latin-1"))
    return tuple(found)


def _post(found: tuple[str, ...]) -> Route | None:
    if found == ("completions",):
        return _LLAMACPP_COMPLETIONS
    if found[-1:] == ("messages",) and found[-3:-2] == ("threads",):
        # OpenAI's Assistants: a message is stored there, no model is asked.
        return None
    return _POST.get(found[-2:]) or _POST.get(found[-1:])


def _get(found: tuple[str, ...]) -> Route | None:
    route = _GET.get(found[-2:]) or _GET.get(found[-1:])
    return route or (_GET_MODEL if found[-2:-1] == ("models",) else None)

"""Paths are recognised however they are written, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.registry import NAMES
from gateway.dialects.routes import dialect_for_errors, resolve
from gateway.model import Route

KNOWN = [
    ("POST", "/v1/chat/completions", "openai_chat", "chat", "/v1/chat/completions"),
    ("POST", "/chat/completions", "openai_chat", "chat", "/v1/chat/completions"),
    ("POST", "/openai/deployments/x/chat/completions", "openai_chat", "chat", "/v1/chat/completions"),
    ("POST", "/v1beta/openai/chat/completions", "openai_chat", "chat", "/v1/chat/completions"),
    ("POST", "/api/v1/chat/completions", "openai_chat", "chat", "/v1/chat/completions"),
    ("POST", "/v1/completions", "openai_completions", "completions", "/v1/completions"),
    ("POST", "/openai/deployments/x/completions", "openai_completions", "completions", "/v1/completions"),
    ("POST", "/v1/responses", "openai_responses", "responses", "/v1/responses"),
    ("POST", "/v1/responses/input_tokens", "openai_responses", "count_tokens", "/v1/responses/input_tokens"),
    ("POST", "/v1/embeddings", "embeddings", "embeddings", "/v1/embeddings"),
    ("POST", "/api/v1/embeddings", "embeddings", "embeddings", "/v1/embeddings"),
    ("POST", "/v1/messages", "anthropic", "messages", "/v1/messages"),
    ("POST", "/anthropic/v1/messages", "anthropic", "messages", "/v1/messages"),
    ("POST", "/v1/messages/count_tokens", "anthropic", "count_tokens", "/v1/messages/count_tokens"),
    ("POST", "/v1/complete", "anthropic", "completions", "/v1/complete"),
    ("POST", "/api/chat", "ollama", "chat", "/api/chat"),
    ("POST", "/api/generate", "ollama", "completions", "/api/generate"),
    ("POST", "/api/embed", "ollama", "embeddings", "/api/embed"),
    ("POST", "/api/embeddings", "ollama", "embeddings", "/api/embeddings"),
    ("POST", "/completion", "llamacpp", "completions", "/completion"),
    ("POST", "/completions", "llamacpp", "completions", "/completions"),
    ("POST", "/infill", "llamacpp", "completions", "/infill"),
    ("POST", "/invocations", "openai_chat", "chat", "/invocations"),
    ("POST", "/embedding", "llamacpp", "embeddings", "/embedding"),
    ("GET", "/v1/models", "models", "models", "/v1/models"),
    ("GET", "/v1/models/some-model", "models", "models", "/v1/models/{id}"),
    ("GET", "/api/tags", "models", "models", "/api/tags"),
]


@pytest.mark.parametrize(("method", "path", "dialect", "endpoint", "canonical"), KNOWN)
def test_known_paths_are_recognised(
    method: str, path: str, dialect: str, endpoint: str, canonical: str
) -> None:
    assert resolve(method, path) == Route(dialect, endpoint, canonical)
    assert resolve(method.lower(), path.encode() + b"?api-version=1&x=/v1/models") == Route(
        dialect, endpoint, canonical
    )
    assert dialect in NAMES


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chat/completions"),
        ("PUT", "/v1/chat/completions"),
        ("POST", "/v1/models"),
        ("OPTIONS", "/v1/messages"),
        ("POST", "/v1/messages/batches"),
        ("POST", "/v1/chat/completions/chatcmpl-1"),
        ("POST", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("POST", "/v1/threads/thread_1/messages"),
        ("POST", "/v1/uploads/upload_1/complete"),
        ("POST", "/v1/xchat/completionsx"),
        ("POST", "/v1/chatcompletions"),
        ("POST", "/v1/batches"),
        ("POST", "/"),
        ("POST", ""),
        ("GET", "/v1/chat/completions/models/.."),
        ("POST", "/v1/chat?x=/completions"),
    ],
)
def test_other_paths_and_methods_are_unknown(method: str, path: str) -> None:
    assert resolve(method, path) is None


def _case(path: str, upper: list[bool]) -> str:
    return "".join(c.upper() if up else c for c, up in zip(path, upper, strict=True))


@st.composite
def _mangled(draw: st.DrawFn) -> tuple[tuple[str, str, str, str, str], bytes]:
    known = draw(st.sampled_from(KNOWN))
    path = known[1]
    path = _case(path, draw(st.lists(st.booleans(), min_size=len(path), max_size=len(path))))
    slash = st.sampled_from(
        ["/", "//", "/./", "\\", "/x/../", "/%2e/", "/a/b/%2E%2e/../", ";v=1/", "/;x/", "%2F", "/ /"]
    )
    out = draw(st.sampled_from(["", "http://host:80", "https://user@host", "/.."]))
    for place, segment in enumerate(path.split("/")):
        out += (draw(slash) if place else "") + segment
    out += draw(st.sampled_from(["", "/", "//", "/.", ";a=b", "/%20", "%00", "?q=/x", "#f", "/;"]))
    for _ in range(draw(st.integers(0, 3))):
        head, mark, query = out.partition("?")
        chosen = draw(st.sets(st.integers(0, max(0, len(head) - 1)), max_size=8))
        safe = len(head.partition("://")[0]) + 3 if "://" in head else 0
        edge = head.find("/", safe) if safe else 0
        head = "".join(
            f"%{ord(c):02x}" if place in chosen and place >= edge and c != "#" else c
            for place, c in enumerate(head)
        )
        out = head + mark + query
    return known, out.encode()


@given(_mangled())
def test_no_way_of_writing_a_known_path_hides_it(case: tuple[tuple[str, str, str, str, str], bytes]) -> None:
    (method, _, dialect, endpoint, canonical), mangled = case
    assert resolve(method, mangled) == Route(dialect, endpoint, canonical)


@given(st.binary(max_size=60) | st.text(max_size=60), st.sampled_from(["GET", "POST", "get", "", "X"]))
def test_any_bytes_are_a_route_or_none_and_have_an_error_dialect(path: bytes | str, method: str) -> None:
    found = resolve(method, path)
    assert found is None or found.dialect in NAMES
    assert dialect_for_errors(path, []).name in NAMES


def test_endless_percent_encoding_costs_little_and_is_unknown() -> None:
    assert resolve("POST", b"/v1/chat/completion%" + b"25" * 50_000 + b"73") is None


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/v1/unknown", [(b"Anthropic-Version", b"2023-06-01")], "anthropic"),
        ("/v1/models", [(b"anthropic-version", b"2023-06-01")], "anthropic"),
        ("/v1/messages/batches", [], "anthropic"),
        ("/v1/messages", [], "anthropic"),
        ("/api/show", [(b"host", b"x")], "ollama"),
        ("/api/chat", [], "ollama"),
        ("/api/v1/unknown", [], "openai_chat"),
        ("/infill", [], "llamacpp"),
        ("/v1/files", [], "openai_chat"),
        ("/", [], "openai_chat"),
    ],
)
def test_errors_take_the_shape_that_the_client_reads(
    path: str, headers: list[tuple[bytes, bytes]], name: str
) -> None:
    assert dialect_for_errors(path, headers).name == name

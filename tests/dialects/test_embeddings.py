"""Embedding requests of the three APIs, and what they cost."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects import get
from gateway.dialects.routes import resolve
from gateway.model import Turn, Usage


@pytest.mark.parametrize("path", ["/v1/embeddings", "/api/embed", "/api/embeddings", "/embedding"])
@pytest.mark.parametrize("key", ["input", "prompt", "content"])
@pytest.mark.parametrize(
    ("value", "count", "texts"),
    [("a", 1, ["a"]), (["a", "b"], 2, ["a", "b"]), ([1, 2], 1, []), ([[1], [2]], 2, [])],
)
def test_inputs_are_read_under_every_key(
    path: str, key: str, value: Any, count: int, texts: list[str]
) -> None:
    route = resolve("POST", path)
    assert route is not None
    call = get(route.dialect).read({"model": "m", key: value, "user": "u"}, route, 1)
    assert call.prompts == count
    assert list(call.turns) == [Turn("user", text) for text in texts]
    assert call.end_user == "u"


def test_chat_messages_may_be_embedded() -> None:
    route = resolve("POST", "/v1/embeddings")
    assert route is not None
    call = get("embeddings").read({"messages": [{"role": "user", "content": "a"}]}, route, 1)
    assert (call.turns, call.messages, call.prompts) == ((Turn("user", "a"),), 1, 1)


def test_usage_is_all_input() -> None:
    dialect = get("embeddings")
    assert dialect.usage({"usage": {"prompt_tokens": 4, "total_tokens": 4}}) == Usage(4)
    assert dialect.usage({"data": []}) is None
    assert dialect.drop_probabilities({"data": []}) is False

"""OpenInference, the conventions of Arize Phoenix: attributes → the request's body.

Its instrumentations of SDKs keep the whole body under `input.value`; those of frameworks keep messages
and parameters apart. Either way a body comes out that a dialect can read as it reads live ones.
https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Told = Mapping[str, Any]


def is_call(told: Told) -> bool:
    """Whether a span with these attributes asked a model for text or embeddings."""
    return told.get("openinference.span.kind") in ("LLM", "EMBEDDING")


def request(told: Told) -> tuple[str, dict[str, Any], bool]:
    """Path, body, and whether the prompt is in it: hidden inputs leave the parameters."""
    body = {"model": model(told), **_object(told.get("input.value"))}
    for path, name in _path(told, body):
        if body.get(name):
            return path, body, True
    asked = told.get("llm.invocation_parameters", told.get("embedding.invocation_parameters"))
    body = {"model": model(told), **_object(asked)}
    path, name = "/v1/chat/completions", "messages"
    content: list[Any] = list(_messages(told))
    if told["openinference.span.kind"] == "EMBEDDING":
        path, name = "/v1/embeddings", "input"
        content = list(_each(told, "embedding.embeddings.{}.embedding.text"))
    elif not content and (content := list(_each(told, "llm.prompts.{}.prompt.text"))):
        path, name = "/v1/completions", "prompt"
    return path, body | {name: content}, bool(content)


def model(told: Told) -> str | None:
    """The model that was asked for."""
    names = ("llm.request.model_name", "llm.model_name", "embedding.model_name")
    return next((told[name] for name in names if isinstance(told.get(name), str)), None)


def usage(told: Told) -> dict[str, object]:
    """Token counts under the names of `gateway.readers.base.tokens`."""
    counts = {
        "input": "llm.token_count.prompt",
        "output": "llm.token_count.completion",
        "reasoning": "llm.token_count.completion_details.reasoning",
    }
    return {name: told.get(attribute) for name, attribute in counts.items()}


def _path(told: Told, body: Told) -> Iterator[tuple[str, str]]:
    """Where a whole body with these keys goes, with the key of its content."""
    provider = str(told.get("llm.provider", told.get("llm.system"))).lower()
    yield ("/v1/messages" if provider == "anthropic" else "/v1/chat/completions"), "messages"
    yield "/v1/completions", "prompt"
    embeds = told["openinference.span.kind"] == "EMBEDDING"
    yield ("/v1/embeddings" if embeds else "/v1/responses"), "input"


def _object(value: object) -> dict[str, Any]:
    try:
        found = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _each(told: Told, name: str) -> Iterator[Any]:
    at = 0
    while (value := told.get(name.format(at))) is not None:
        yield value
        at += 1


def _messages(told: Told) -> Iterator[dict[str, str]]:
    for at, role in enumerate(_each(told, "llm.input_messages.{}.message.role")):
        prefix = f"llm.input_messages.{at}.message"
        parts = _each(told, prefix + ".contents.{}.message_content.text")
        text = told.get(f"{prefix}.content")
        yield {"role": str(role), "content": str(text) if text is not None else "\n".join(map(str, parts))}

"""Calls of the real dialects, for the tests of actions."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from gateway import actions, dialects
from gateway.actions.base import Action, Editor
from gateway.dialects.base import Dialect, Object
from gateway.model import Call, Route

ENDPOINTS = {
    "openai_chat": "chat",
    "openai_completions": "completions",
    "openai_responses": "responses",
    "anthropic": "messages",
    "ollama": "chat",
    "llamacpp": "completions",
    "embeddings": "embeddings",
}
SPEAKING = [name for name in ENDPOINTS if name != "embeddings"]


def action(name: str, **options: Any) -> Action:
    """The action as a ladder would make it."""
    kind = actions.get(name)
    return kind(kind.options_type.model_validate(options))


def call(body: Object, dialect: str = "openai_chat", endpoint: str | None = None) -> Call:
    """The call as the dialect reads it."""
    route = Route(dialect, endpoint or ENDPOINTS[dialect], "/x")
    return dialects.get(dialect).read(body, route, 0)


def edited(act: Action, body: Object, dialect: str = "openai_chat") -> Object | None:
    """The request body after the action; None if it says that nothing changed."""
    copy = deepcopy(body)
    changed = act.edit_request(call(body, dialect), dialects.get(dialect), copy)
    assert changed == (copy != body)
    return copy if changed else None


def editor(act: Action, body: Object, dialect: str = "openai_chat") -> Editor:
    """The action's editor for the answer to `body`."""
    found = act.editor(call(body, dialect), dialects.get(dialect), body)
    assert found is not None
    return found


def named(name: str) -> Dialect:
    return dialects.get(name)

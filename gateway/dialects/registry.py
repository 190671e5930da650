"""Every dialect by its name, one line each."""

from __future__ import annotations

from collections.abc import Collection

from gateway.dialects.anthropic import Anthropic
from gateway.dialects.base import Dialect
from gateway.dialects.embeddings import Embeddings
from gateway.dialects.llamacpp import LlamaCpp
from gateway.dialects.models import Models
from gateway.dialects.ollama import Ollama
from gateway.dialects.openai_chat import OpenAIChat
from gateway.dialects.openai_completions import OpenAICompletions
from gateway.dialects.openai_responses import OpenAIResponses

_ALL: tuple[Dialect, ...] = (
    OpenAIChat(),
    OpenAICompletions(),
    OpenAIResponses(),
    Embeddings(),
    Anthropic(),
    Ollama(),
    LlamaCpp(),
    Models(),
)

_BY_NAME: dict[str, Dialect] = {dialect.name: dialect for dialect in _ALL}

NAMES: Collection[str] = _BY_NAME.keys()
"""Names of all dialects, as they stand in `Route.dialect`; a view, which shows those added later too."""


def get(name: str) -> Dialect:
    """The dialect called `name`. Raises KeyError."""
    return _BY_NAME[name]


def add(dialect: Dialect) -> None:
    """One more dialect, for the rest of the process: before anything is served. Raises ValueError."""
    if dialect.name in _BY_NAME:
        raise ValueError(f"there is a dialect '{dialect.name}' already")
    _BY_NAME[dialect.name] = dialect

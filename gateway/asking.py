"""Asking a model server over HTTP, for tools: what it answers, and how it cuts a word into tokens.

Nothing of the data path is here: that has a client of its own (`gateway.upstream`). No message repeats a
prompt, an answer or a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import httpx2

from gateway.errors import ConfigError, Place

PATIENCE = 120.0
"""Seconds for one answer."""


class ModelServer(AbstractContextManager["ModelServer"]):
    """A model server at `url`, with or without `/v1` at its end; `key` is sent as a bearer token."""

    def __init__(
        self, url: str, *, key: str | None = None, transport: httpx2.BaseTransport | None = None
    ) -> None:
        """Raises ConfigError for what is no address. `transport` is for tests."""
        self._url = url.rstrip("/").removesuffix("/v1")
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._client = httpx2.Client(timeout=PATIENCE, headers=headers, transport=transport)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def answers(self, prompts: Iterable[str], *, model: str, max_tokens: int) -> Iterator[str]:
        """What a chat model says to each prompt. Raises ConfigError."""
        for prompt in prompts:
            body = {
                "model": model,
                "messages": [{"role": "user", "content": prompt}],
                "max_tokens": max_tokens,
            }
            found = self._post("/v1/chat/completions", body)
            try:
                text = found["choices"][0]["message"]["content"]
            except (KeyError, IndexError, TypeError):
                text = None
            if not isinstance(text, str):
                raise self._error("the answer is no chat completion")
            yield text

    def token(self, text: str) -> int | None:
        """The token that is this text; None where it takes several. Raises ConfigError."""
        found = self.tokens(text)
        return found[0] if len(found) == 1 else None

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text. Raises ConfigError.

        Asked as llama.cpp reads it (`content`) and as vLLM does (`prompt`).
        """
        body = {"content": text, "prompt": text, "add_special": False, "add_special_tokens": False}
        found = self._post("/tokenize", body).get("tokens")
        if not isinstance(found, list) or not all(isinstance(token, int) for token in found):
            raise self._error("the answer of /tokenize is no list of tokens")
        return found

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._client.post(self._url + path, json=body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._error(f"does not answer: {type(error).__name__}") from None
        if answer.status_code != 200:
            raise self._error(f"{path} answers {answer.status_code}")
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._error(f"{path} answers no JSON object")
        return found

    def _error(self, message: str) -> ConfigError:
        return ConfigError.at(Place(self._url), message)

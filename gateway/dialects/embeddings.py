"""Embeddings in OpenAI's shape; Ollama's and llama.cpp's native routes read their inputs with it."""

from __future__ import annotations

from gateway.dialects import content, names
from gateway.dialects.base import Object
from gateway.dialects.neutral import Neutral, openai_user
from gateway.dialects.shapes import child, total
from gateway.model import Call, Route, Turn, Usage

_INPUTS = ("input", "prompt", "content")
"""OpenAI and Ollama; Ollama before 0.3; llama.cpp."""


def inputs(body: Object) -> tuple[list[Turn], int]:
    """Turns and number of the texts to embed, under whatever key they stand."""
    turns: list[Turn] = []
    count = 0
    for key in _INPUTS:
        texts, found = content.prompts(body.get(key), key)
        turns.extend(Turn("user", text) for text in texts if text)
        count += found
    return turns, count


class Embeddings(Neutral):
    """`POST …/embeddings`."""

    name = "embeddings"
    parameters = names.EMBEDDINGS

    def read(self, body: Object, route: Route, size: int) -> Call:
        turns, prompts = inputs(body)
        # vLLM embeds chat messages, too.
        chat, messages = content.chat_turns(body.get("messages"))
        return self.call(
            body, route, size, turns + chat, prompts=prompts, messages=messages, end_user=openai_user(body)
        )

    def usage(self, message: Object) -> Usage | None:
        found = total(child(message, "usage").get("prompt_tokens"))
        return None if found is None else Usage(input_tokens=found)

"""OpenAI's chat completions, as OpenAI, vLLM, llama.cpp, Ollama and most gateways speak them."""

from __future__ import annotations

from gateway.dialects import content, names
from gateway.dialects.base import Object
from gateway.dialects.choices import Choices
from gateway.dialects.neutral import openai_user
from gateway.model import Call, Route, Turn


class OpenAIChat(Choices):
    """`POST …/chat/completions`."""

    name = "openai_chat"
    parameters = names.CHAT

    def read(self, body: Object, route: Route, size: int) -> Call:
        turns, messages = content.chat_turns(body.get("messages"))
        # A template of the client's own and retrieved documents are prompt text, too (vLLM).
        if "chat_template" in body:
            turns[:0] = content.turn("system", body["chat_template"])
        if "documents" in body:
            turns.extend(content.turn("user", body["documents"]))
        texts, prompts = content.prompts(body.get("prompt"), "prompt")
        turns.extend(Turn("user", text) for text in texts if text)
        return self.call(
            body, route, size, turns, prompts=prompts, messages=messages, end_user=openai_user(body)
        )

"""OpenAI's legacy completions, also by vLLM and llama.cpp: prompts of text or token ids, many at once."""

from __future__ import annotations

from gateway.dialects import coerce, content, names
from gateway.dialects.base import Object
from gateway.dialects.choices import Choices
from gateway.dialects.neutral import openai_user
from gateway.model import Call, Route, Turn


class OpenAICompletions(Choices):
    """`POST …/v1/completions`."""

    name = "openai_completions"
    parameters = names.COMPLETIONS
    zero_logprobs = True

    def read(self, body: Object, route: Route, size: int) -> Call:
        texts, prompts = content.prompts(body.get("prompt"), "prompt")
        suffix = coerce.text(body.get("suffix"), "suffix")
        # vLLM runs embedded prompts beside textual ones.
        embedded = body.get("prompt_embeds")
        prompts += len(embedded) if isinstance(embedded, list) else int(embedded is not None)
        turns = [Turn("user", text) for text in (*texts, suffix) if text]
        return self.call(body, route, size, turns, prompts=prompts, end_user=openai_user(body))

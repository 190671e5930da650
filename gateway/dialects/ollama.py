"""Ollama's native API: chat, generate and embed, streamed as one JSON object per line.

Streams are the default (api.md: "Streaming can be disabled by providing `stream: false`").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.dialects import content, errors, logprobs, names
from gateway.dialects.base import Failure, Framing, Object, Seen, TokenList, nothing
from gateway.dialects.embeddings import inputs
from gateway.dialects.neutral import Neutral, Verdict, openai_user
from gateway.dialects.shapes import child, count, drop, keep, words
from gateway.model import Call, Route, Turn, Usage

_ANSWER = words(
    """
    model created_at message response thinking tool_calls done done_reason context total_duration
    load_duration prompt_eval_count prompt_eval_duration eval_count eval_duration logprobs error
    remote_model remote_host embedding embeddings image
    """
)
_SAID = ("response", "content", "tool_calls", "thinking")
_MESSAGE = words("role content thinking images tool_calls tool_name tool_call_id")


class Ollama(Neutral):
    """`POST /api/chat`, `/api/generate`, `/api/embed`, `/api/embeddings`."""

    name = "ollama"
    framing: Framing = "ndjson"
    parameters = names.OLLAMA
    streams = True

    def read(self, body: Object, route: Route, size: int) -> Call:
        if route.endpoint == "embeddings":
            turns, prompts = inputs(body)
            return self.call(body, route, size, turns, prompts=prompts, end_user=openai_user(body))
        turns = [*content.turn("system", body.get("system")), *content.turn("system", body.get("template"))]
        chat, messages = content.chat_turns(body.get("messages"))
        turns.extend(chat)
        prompts = 0
        for key in ("prompt", "suffix"):
            texts, found = content.prompts(body.get(key), key)
            turns.extend(Turn("user", text) for text in texts if text)
            prompts = max(prompts, found)
        return self.call(
            body, route, size, turns, prompts=prompts, messages=messages, end_user=openai_user(body)
        )

    def error(self, failure: Failure) -> bytes:
        return errors.document(errors.ollama(failure))

    def error_event(self, failure: Failure) -> bytes:
        return errors.document(errors.ollama(failure)) + b"\n"

    def usage(self, message: Object) -> Usage | None:
        given, made = count(message.get("prompt_eval_count")), count(message.get("eval_count"))
        return None if given is None and made is None else Usage(given or 0, made or 0)

    def texts(self, message: Object) -> Iterable[str]:
        for key in ("message", "response", "thinking", "tool_calls"):
            value = message.get(key)
            yield from content.pieces({key: value} if key == "tool_calls" else value)

    def finished(self, message: Object) -> bool:
        return message.get("done") is True

    def token_lists(self, message: Object) -> Iterator[TokenList]:
        return logprobs.find(message)

    def drop_probabilities(self, message: Object) -> bool:
        # Absent unless asked for (`omitempty`).
        return self.drop_extras(message) | drop(message, ("logprobs",))

    def drop_extras(self, message: Object) -> bool:
        return keep(message, _ANSWER) | keep(child(message, "message"), _MESSAGE)

    def strip_reasoning(self, message: Object, seen: Seen = nothing) -> Verdict:
        inner = child(message, "message")
        # The tokens of the whole conversation, reasoning included, for who wants to go on without a chat.
        changed = drop(message, ("context",))
        stripped = False
        for holder in (message, inner):
            text = holder.get("thinking")
            kept = seen("0", text) if isinstance(text, str) else ""
            if kept:
                stripped |= kept != text
                holder["thinking"] = kept
            else:
                stripped |= drop(holder, ("thinking",))
        if not stripped:
            return "changed" if changed else "kept"
        drop(message, ("logprobs",))
        rest = (*map(message.get, _SAID), *map(inner.get, _SAID))
        return "changed" if message.get("done") is not False or any(rest) else "drop"

    def content_parts(self, message: Object) -> Iterator[tuple[str, Object, str]]:
        for holder, key in ((message, "response"), (child(message, "message"), "content")):
            if isinstance(holder.get(key), str):
                yield "0", holder, key

    def ends(self, message: Object) -> Iterator[str]:
        if self.finished(message):
            yield "0"

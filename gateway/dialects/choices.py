"""What the two OpenAI APIs that answer with `choices` share: chat and legacy completions.

Both come from the same engines, so both carry the same engine extras, and an extra that is removed
from one route must not survive on the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.dialects import content, logprobs
from gateway.dialects.base import Object, TokenList
from gateway.dialects.neutral import Neutral, Verdict
from gateway.dialects.shapes import child, count, drop, index, keep, objects, total, words
from gateway.model import Usage

_ANSWER = words(
    """
    id object created model choices usage system_fingerprint service_tier obfuscation moderation metadata
    error code message type param detail timings provider citations search_results x_groq
    prompt_filter_results content_filter_results warnings request_id
    """
)
"""OpenAI's keys, errors of every server, and harmless additions of well-known ones."""
_CHOICE = words(
    """
    index message delta text finish_reason native_finish_reason stop_reason logprobs error
    content_filter_results content_filter_result content_filter_offsets reasoning reasoning_content
    """
)
_MESSAGE = words(
    """
    role content name refusal tool_calls function_call annotations audio images reasoning
    reasoning_content reasoning_details thinking thinking_blocks citations context extra_content parsed
    """
)
_REASONING = ("reasoning", "reasoning_content", "thinking")
_PARTS = ("message", "delta")


class Choices(Neutral):
    """Answers and events of the form `{"choices": [{"message" | "delta" | "text"}]}`."""

    def usage(self, message: Object) -> Usage | None:
        found = child(message, "usage") or child(message, "x_groq", "usage")
        given = count(found.get("prompt_tokens"))
        made = count(found.get("completion_tokens"))
        if given is None and made is None:
            return _timings(child(message, "timings"))
        details = child(found, "completion_tokens_details")
        reasoned = count(details.get("reasoning_tokens")) or count(found.get("reasoning_tokens"))
        return Usage(given or 0, made or 0, reasoned or 0)

    def texts(self, message: Object) -> Iterator[str]:
        for choice in objects(message.get("choices")):
            for key in (*_PARTS, "text", "reasoning"):
                value = choice.get(key)
                yield from content.pieces(value)

    def token_lists(self, message: Object) -> Iterator[TokenList]:
        return logprobs.in_choices(message)

    def drop_probabilities(self, message: Object) -> bool:
        changed = self.drop_extras(message)
        for choice in objects(message.get("choices")):
            if choice.get("logprobs") is not None:
                choice["logprobs"] = None
                changed = True
        return changed

    def drop_extras(self, message: Object) -> bool:
        changed = keep(message, _ANSWER)
        for choice in objects(message.get("choices")):
            changed |= keep(choice, _CHOICE)
            for key in _PARTS:
                changed |= keep(child(choice, key), _MESSAGE)
        return changed

    def strip_reasoning(self, message: Object) -> Verdict:
        # llama.cpp repeats the raw text, reasoning included, in its debugging copy.
        changed = drop(message, ("__verbose",))
        for choice in objects(message.get("choices")):
            stripped = drop(choice, _REASONING)
            for key in _PARTS:
                stripped |= _strip(child(choice, key))
            if stripped:
                # Token lists and ids spell the reasoning out again, and cannot be told from the answer's.
                drop(choice, ("token_ids",))
                if choice.get("logprobs") is not None:
                    choice["logprobs"] = None
            changed |= stripped
        if changed and _hollow(message):
            return "drop"
        return "changed" if changed else "kept"

    def content_parts(self, message: Object) -> Iterator[tuple[str, Object, str]]:
        for choice in objects(message.get("choices")):
            stream = index(choice.get("index"))
            if isinstance(choice.get("text"), str):
                yield stream, choice, "text"
            for key in _PARTS:
                holder = child(choice, key)
                if isinstance(holder.get("content"), str):
                    yield stream, holder, "content"
                for part in objects(holder.get("content")):
                    if isinstance(part.get("text"), str):
                        yield stream, part, "text"

    def ends(self, message: Object) -> Iterator[str]:
        for choice in objects(message.get("choices")):
            if choice.get("finish_reason") is not None:
                yield index(choice.get("index"))

    def bare(self, message: Object) -> None:
        # SDKs put the deltas together by joining strings and lists: a role or a call would double.
        drop(message, ("usage",))
        for choice in objects(message.get("choices")):
            choice["finish_reason"] = None
            delta = child(choice, "delta")
            keep(delta, ("content",))


def _timings(timings: Object) -> Usage | None:
    """llama.cpp without `include_usage` reports only timings; `prompt_n` leaves cached tokens out."""
    given = total(timings.get("prompt_n"), timings.get("cache_n"))
    made = count(timings.get("predicted_n"))
    return None if given is None and made is None else Usage(given or 0, made or 0)


def _strip(holder: Object) -> bool:
    changed = drop(holder, _REASONING)
    # OpenRouter and LiteLLM keep signatures in these, which must come back unharmed.
    for key, field in (
        ("reasoning_details", "text"),
        ("reasoning_details", "summary"),
        ("thinking_blocks", "thinking"),
    ):
        for block in objects(holder.get(key)):
            if block.get(field):
                block[field] = ""
                changed = True
    parts = holder.get("content")
    if isinstance(parts, list):
        # Mistral: reasoning as a part of the content.
        kept = [part for part in parts if not (isinstance(part, dict) and part.get("type") == "thinking")]
        changed |= len(kept) < len(parts)
        parts[:] = kept
    return changed


def _hollow(message: Object) -> bool:
    """Whether a stream event says nothing any more."""
    choices = list(objects(message.get("choices")))
    if not choices or message.get("usage") is not None or message.get("error") is not None:
        return False
    for choice in choices:
        delta = choice.get("delta")
        if not isinstance(delta, dict) or choice.get("finish_reason") is not None or choice.get("text"):
            return False
        if any(value not in (None, "", []) for value in delta.values()):
            return False
    return True

"""What the two OpenAI APIs that answer with `choices` share: chat and legacy completions.

Both come from the same engines, so both carry the same engine extras, and an extra that is removed
from one route must not survive on the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from gateway.dialects import content, logprobs
from gateway.dialects.base import Object, Seen, TokenList, nothing
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
_BLOCKS = ("reasoning_details", "thinking_blocks")
_WORDED = frozenset({"reasoning.text", "reasoning.summary", "thinking"})
_PARTS = ("message", "delta")
_USAGE = frozenset({"usage", "x_groq", "timings"})
"""Where figures stand; of a stream's events hardly one has any."""
_TEXTS = frozenset({"message", "text", "reasoning"})
"""Where text stands in a choice beside its `delta`."""


def _only_text(message: Object) -> tuple[str, Object, Object] | None:
    """(text, choice, delta) of an event with one piece of text and nothing else, as most of a stream are."""
    choices = message.get("choices")
    if isinstance(choices, list) and len(choices) == 1 and isinstance(choices[0], dict):
        choice = choices[0]
        delta = choice.get("delta")
        if isinstance(delta, dict) and len(delta) == 1 and _TEXTS.isdisjoint(choice):
            text = delta.get("content")
            if isinstance(text, str):
                return text, choice, delta
    return None


class Choices(Neutral):
    """Answers and events of the form `{"choices": [{"message" | "delta" | "text"}]}`."""

    def usage(self, message: Object) -> Usage | None:
        if _USAGE.isdisjoint(message):
            return None
        found = child(message, "usage") or child(message, "x_groq", "usage")
        given = count(found.get("prompt_tokens"))
        made = count(found.get("completion_tokens"))
        if given is None and made is None:
            return _timings(child(message, "timings"))
        details = child(found, "completion_tokens_details")
        reasoned = count(details.get("reasoning_tokens")) or count(found.get("reasoning_tokens"))
        return Usage(given or 0, made or 0, reasoned or 0)

    def texts(self, message: Object) -> Iterable[str]:
        only = _only_text(message)
        if only is not None:
            return (only[0],)
        return [
            text
            for choice in objects(message.get("choices"))
            for key in (*_PARTS, "text", "reasoning")
            for text in content.pieces(choice.get(key))
        ]

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

    def strip_reasoning(self, message: Object, seen: Seen = nothing) -> Verdict:
        # llama.cpp repeats the raw text, reasoning included, in its debugging copy.
        changed = drop(message, ("__verbose",))
        for choice in objects(message.get("choices")):
            stream = index(choice.get("index"))
            stripped = False
            for place, holder in _holders(choice):
                stripped |= _strip(holder, f"{stream}.{place}", seen)
            if stripped:
                # Token lists and ids spell the reasoning out again, and cannot be told from the answer's.
                drop(choice, ("token_ids",))
                if choice.get("logprobs") is not None:
                    choice["logprobs"] = None
            changed |= stripped
        if changed and _hollow(message):
            return "drop"
        for usage in (child(message, "usage"), child(message, "x_groq", "usage")):
            for counts in (usage, child(usage, "completion_tokens_details")):
                changed |= bool(counts.get("reasoning_tokens")) and drop(counts, ("reasoning_tokens",))
        return "changed" if changed else "kept"

    def content_parts(self, message: Object) -> Iterator[tuple[str, Object, str]]:
        only = _only_text(message)
        if only is not None:
            _, choice, delta = only
            return iter(((index(choice.get("index")), delta, "content"),))
        return self._content_parts(message)

    def _content_parts(self, message: Object) -> Iterator[tuple[str, Object, str]]:
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


def _holders(choice: Object) -> Iterator[tuple[str, Object]]:
    """What may carry reasoning, LiteLLM's copies of it included; a message and a delta are one text."""
    for holder in (choice, *(child(choice, key) for key in _PARTS)):
        yield "own", holder
        yield "copy", child(holder, "provider_specific_fields")


def _strip(holder: Object, stream: str, seen: Seen) -> bool:
    changed = False
    for field in _REASONING:
        text = holder.get(field)
        kept = seen(f"{stream}.{field}", text) if isinstance(text, str) else ""
        if kept and kept != text:
            holder[field], changed = kept, True
        elif not kept:
            changed |= drop(holder, (field,))
    for field in _BLOCKS:
        changed |= _without_words(holder, field)
    return changed | _without_words(holder, "content", ("thinking",))


def _without_words(holder: Object, field: str, kinds: Collection[str] = _WORDED) -> bool:
    """Drop the blocks of reasoning that a reader could read; those that are encrypted stay.

    OpenRouter and LiteLLM pass on Anthropic's signatures in these, and Mistral its reasoning as a part of
    the content. A signed block without its words is refused when it comes back, one that is missing is not.
    """
    blocks = holder.get(field)
    if not isinstance(blocks, list):
        return False
    kept = [block for block in blocks if not (isinstance(block, dict) and block.get("type") in kinds)]
    changed = len(kept) < len(blocks)
    blocks[:] = kept
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

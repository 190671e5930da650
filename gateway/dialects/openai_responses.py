"""OpenAI's Responses API: items in, items out, and a stream that repeats every text up to four times.

The same output text comes as `response.output_text.delta`, again in `.done`, in `content_part.done`,
in `output_item.done` and in `response.completed`: whoever edits one must edit all, so every finder
here walks all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.dialects import coerce, content, errors, logprobs, names, parameters
from gateway.dialects.base import Failure, Object, Seen, TokenList, nothing
from gateway.dialects.extras import drop_extras
from gateway.dialects.neutral import Neutral, Verdict, openai_user
from gateway.dialects.shapes import child, count, drop, index, objects
from gateway.model import JSON, Call, Role, Route, Turn, Usage

_LOGPROBS = "message.output_text.logprobs"
_TERMINAL = ("response.completed", "response.failed", "response.incomplete", "response.cancelled", "error")


class OpenAIResponses(Neutral):
    """`POST …/responses` and `…/responses/input_tokens`."""

    name = "openai_responses"
    parameters = names.RESPONSES

    def read(self, body: Object, route: Route, size: int) -> Call:
        turns = list(content.turn("system", body.get("instructions")))
        variables = child(body, "prompt").get("variables")
        if isinstance(variables, dict):
            turns.extend(content.turn("user", list(variables.values())))
        items, messages = _input(body.get("input"))
        turns.extend(items)
        call = self.call(body, route, size, turns, messages=messages, end_user=openai_user(body))
        if _LOGPROBS not in coerce.items(body.get("include"), "include"):
            return call
        return parameters.with_logprobs(call)

    def error_event(self, failure: Failure) -> bytes:
        return errors.responses_failed(failure)

    def usage(self, message: Object) -> Usage | None:
        found = child(message, "response", "usage") or child(message, "usage")
        if message.get("object") == "response.input_tokens":
            found = message
        given, made = count(found.get("input_tokens")), count(found.get("output_tokens"))
        if given is None and made is None:
            return None
        reasoned = count(child(found, "output_tokens_details").get("reasoning_tokens"))
        return Usage(given or 0, made or 0, reasoned or 0)

    def texts(self, message: Object) -> Iterable[str]:
        # Only deltas in a stream: what follows them repeats them.
        if "type" in message:
            delta = message.get("delta")
            return iter((delta,) if isinstance(delta, str) else ())
        return content.pieces(message.get("output"))

    def finished(self, message: Object) -> bool:
        return message.get("type") in _TERMINAL

    def token_lists(self, message: Object) -> Iterator[TokenList]:
        for holder in _holders(message):
            yield from logprobs.find(holder)

    def drop_probabilities(self, message: Object) -> bool:
        changed = self.drop_extras(message)
        for holder in _holders(message):
            if holder.get("logprobs"):
                holder["logprobs"] = []
                changed = True
        return changed

    def drop_extras(self, message: Object) -> bool:
        items = [item for _, item in _items(message)]
        return drop_extras(message, child(message, "response"), *items, *_holders(message))

    def strip_reasoning(self, message: Object, seen: Seen = nothing) -> Verdict:
        kind = message.get("type")
        if isinstance(kind, str) and kind.startswith("response.reasoning"):
            return _strip_event(message, seen)
        if child(message, "part").get("type") == "reasoning_text":
            return _strip_event(message, seen)
        changed = False
        for holder in (message, child(message, "response")):
            changed |= drop(holder, ("output_messages",))
            counts = child(holder, "usage", "output_tokens_details")
            if counts.get("reasoning_tokens"):
                counts["reasoning_tokens"] = 0  # SDKs ask for the key
                changed = True
        for _, item in _items(message):
            if item.get("type") == "reasoning":
                changed |= _strip(item, seen)
        return "changed" if changed else "kept"

    def ask_no_reasoning(self, body: Object, *, keep: bool = False) -> bool:
        return not keep and drop(child(body, "reasoning"), ("summary", "generate_summary"))

    def content_parts(self, message: Object) -> Iterator[tuple[str, Object, str]]:
        kind = message.get("type")
        if kind in ("response.output_text.delta", "response.output_text.done"):
            key = "delta" if kind == "response.output_text.delta" else "text"
            if isinstance(message.get(key), str):
                yield _stream(message), message, key
        part = child(message, "part")
        if part.get("type") == "output_text" and isinstance(part.get("text"), str):
            yield _stream(message), part, "text"
        for place, item in _items(message):
            for number, inner in enumerate(_parts(item)):
                if inner.get("type") == "output_text" and isinstance(inner.get("text"), str):
                    yield f"{place}.{number}", inner, "text"

    def ends(self, message: Object) -> Iterator[str]:
        if message.get("type") == "response.output_text.done":
            yield _stream(message)


def _stream(event: Object) -> str:
    return f"{index(event.get('output_index'))}.{index(event.get('content_index'))}"


def _items(message: Object) -> Iterator[tuple[str, Object]]:
    """Output items with their position: of a whole answer, of a repeated response, of an item event."""
    for output in (message.get("output"), child(message, "response").get("output")):
        if isinstance(output, list):
            for place, item in enumerate(output):
                if isinstance(item, dict):
                    yield str(place), item
    item = message.get("item")
    if isinstance(item, dict):
        yield index(message.get("output_index")), item


def _parts(item: Object) -> list[Object]:
    """Content parts by position; what is no object keeps its place as an empty one."""
    found = item.get("content")
    return [part if isinstance(part, dict) else {} for part in found] if isinstance(found, list) else []


def _holders(message: Object) -> list[Object]:
    """Everything that may carry `logprobs`."""
    parts = [part for _, item in _items(message) for part in _parts(item)]
    return [message, child(message, "response"), child(message, "part"), *parts]


def _strip_event(message: Object, seen: Seen) -> Verdict:
    """An event of reasoning: a piece of its text, or the whole text again, in a part of its own or not."""
    part = child(message, "part")
    holder, field = (part, "text") if part else (message, "delta" if "delta" in message else "text")
    number = message.get("summary_index", message.get("content_index"))
    # Only the pieces are counted together: whatever is whole begins anew.
    key = f"{index(message.get('output_index'))}.{index(number)}" if field == "delta" else ""
    return _shortened(holder, field, key, seen)


def _shortened(holder: Object, field: str, key: str, seen: Seen) -> Verdict:
    """Leave of a text what may be seen; `drop` where nothing is left."""
    text = holder.get(field)
    if text == "" and seen is not nothing:
        return "kept"  # the beginning of something, of which a part will stay
    kept = seen(key, text) if isinstance(text, str) else ""
    holder[field] = kept
    return ("kept" if kept == text else "changed") if kept else "drop"


def _strip(item: Object, seen: Seen) -> bool:
    """Reasoning without its words; `id` and `encrypted_content` are what the next request needs."""
    changed = False
    for field in ("summary", "content"):
        parts = item.get(field)
        if not isinstance(parts, list) or not parts:
            continue
        verdicts = [(part, _shortened(part, "text", "", seen)) for part in objects(parts)]
        changed = changed or len(verdicts) < len(parts) or any(said != "kept" for _, said in verdicts)
        parts[:] = [part for part, said in verdicts if said != "drop"]
        if field == "content" and not parts:
            del item[field]
    return changed


# --- input items -----------------------------------------------------------------------------------


def _input(value: JSON) -> tuple[list[Turn], int]:
    if isinstance(value, str):
        return list(content.turn("user", value)), 1
    items = content.messages(value, "input")
    turns: list[Turn] = []
    for place, item in enumerate(items):
        turns.extend(content.turn(_role(item, f"input[{place}]"), item))
    return turns, len(items)


def _role(item: Object, field: str) -> Role:
    """A message's own role; calls are the model's, their outputs a tool's, reasoning the model's."""
    if item.get("role") is not None:
        return content.role(item.get("role"), f"{field}.role")
    kind = coerce.text(item.get("type"), f"{field}.type") or "message"
    if kind.endswith("_output"):
        return "tool"
    return "assistant" if kind.endswith("_call") or kind == "reasoning" else "user"

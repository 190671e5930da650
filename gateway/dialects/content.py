"""Text out of messages: every part type of every API, by the keys that carry text.

One walk by key names instead of a table of part types, because part types multiply (the Responses API
alone has thirty) while the keys that carry text repeat. Binary data stands under other keys
(`image_url`, `file_data`, `source.data` unless the source says text), so it is never read. Keys are
compared without regard to case, as Go servers do.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.dialects import coerce
from gateway.dialects.base import Object
from gateway.dialects.body import encode
from gateway.dialects.shapes import words
from gateway.model import JSON, Role, Turn

_TEXT = words(
    """
    text content input output refusal thinking reasoning reasoning_content summary title context source
    tool_calls function function_call custom arguments transcript audio query queries code command commands
    action operation diff stdout stderr logs outputs results documents partial_json completion response
    prompt prompt_string
    """
)
_VALUES = frozenset({"arguments", "input"})
"""Tool arguments: an object here is data of any shape and is read whole."""

_ROLES: dict[str, Role] = {
    "user": "user",
    "system": "system",
    "developer": "system",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
    "ipython": "tool",
}


def role(value: JSON, field: str) -> Role:
    """One of the four roles; unknown names speak for the user. Raises CallError for a non-string."""
    name = coerce.text(value, field) or ""
    return _ROLES.get(name) or _ROLES.get(name.strip().lower(), "user")


def pieces(value: JSON) -> Iterator[str]:
    """Every text in a message, part or list of parts, in order; never raises."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from pieces(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _under(key.casefold(), inner, value)


def _under(key: str, inner: JSON, part: Object) -> Iterator[str]:
    if key == "data" and part.get("type") == "text":
        yield from pieces(inner)
    elif key in _VALUES and isinstance(inner, dict):
        yield from _arguments(inner)
    elif key in _TEXT:
        yield from pieces(inner)


def _arguments(value: Object) -> Iterator[str]:
    if value:
        yield encode(value).decode()


def join(texts: Iterator[str]) -> str:
    """The texts as one, empty ones left out."""
    return "\n".join(text for text in texts if text)


def turn(who: Role, value: JSON) -> Iterator[Turn]:
    """One turn with all text in `value`; none where there is no text to score."""
    found = join(pieces(value))
    if found:
        yield Turn(who, found)


def check(value: JSON, field: str) -> None:
    """Raises CallError unless `value` is text or parts, as the APIs allow for `content`."""
    if value is None or isinstance(value, (str, dict)):
        return
    for item in coerce.items(value, field):
        if not isinstance(item, (str, dict)):
            coerce.wrong(field, "text or an array of parts")


def messages(value: JSON, field: str) -> list[Object]:
    """A list of messages. Raises CallError for anything else; absent is empty."""
    found: list[Object] = []
    for place, item in enumerate(coerce.items(value, field)):
        if not isinstance(item, dict):
            coerce.wrong(f"{field}[{place}]", "an object")
        check(item.get("content"), f"{field}[{place}].content")
        found.append(item)
    return found


def chat_turns(value: JSON, field: str = "messages") -> tuple[list[Turn], int]:
    """Turns of a list of chat messages, and the number of messages."""
    turns: list[Turn] = []
    found = messages(value, field)
    for place, message in enumerate(found):
        who = role(message.get("role"), f"{field}[{place}].role")
        text = message.get("content")
        if isinstance(text, str) and len(message) == 2 and "role" in message:
            # Nine in ten messages are just this, and there is nothing else to look for.
            if text:
                turns.append(Turn(who, text))
        else:
            turns.extend(turn(who, message))
    return turns, len(found)


def prompts(value: JSON, field: str) -> tuple[list[str], int]:
    """Texts and number of independent prompts in a `prompt` or `input`; token ids give no text.

    Strings, token ids, lists of either, llama.cpp's mixtures of both (one prompt) and its
    `{"prompt_string"}` objects. Raises CallError for anything else.
    """
    if value is None:
        return [], 0
    if isinstance(value, (str, dict)):
        return list(pieces(value)), 1
    found = coerce.items(value, field)
    if any(isinstance(item, (int, float)) for item in found):
        return [_mixed(found, field)], 1
    return [_one(item, field) for item in found], len(found)


def _one(item: JSON, field: str) -> str:
    if isinstance(item, list):
        return _mixed(item, field)
    if not isinstance(item, (str, dict)):
        coerce.wrong(field, "text, token ids, or an array of these")
    return join(pieces(item))


def _mixed(items: list[JSON], field: str) -> str:
    if all(type(item) is int for item in items):
        return ""
    for item in items:
        if not isinstance(item, (str, int, float)):
            coerce.wrong(field, "text, token ids, or an array of these")
    return "\n".join(item for item in items if isinstance(item, str))

"""Between HTTP and the APIs: reading request bodies, and the two kinds of answers.

Body checks are strict where the real servers are (wrong types are errors with the parameter's name) and
silent about unknown keys, as those are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from gateway.model import JSON

Object: TypeAlias = "dict[str, JSON]"

SSE = "text/event-stream; charset=utf-8"
NDJSON = "application/x-ndjson"


class RefusedError(Exception):
    """The request is wrong: `status`, words for the client, and the parameter at fault."""

    def __init__(self, message: str, param: str | None = None, status: int = 400) -> None:
        self.message = message
        self.param = param
        self.status = status
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer in one piece."""

    body: JSON
    status: int = 200


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer in events, each already framed."""

    content_type: str
    events: Iterator[bytes]


Answer = Whole | Stream


def encode(value: JSON) -> bytes:
    """Compact JSON in UTF-8; lone surrogates that a client sent come back as question marks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def data_event(value: JSON) -> bytes:
    """A server-sent event without a name."""
    return b"data: %b\n\n" % encode(value)


def named_event(value: Object) -> bytes:
    """A server-sent event whose name is the `type` of its data."""
    return b"event: %b\ndata: %b\n\n" % (str(value["type"]).encode(), encode(value))


def line(value: JSON) -> bytes:
    """One line of NDJSON."""
    return encode(value) + b"\n"


class Body:
    """A JSON object that is read key by key; a value of the wrong type is a RefusedError."""

    def __init__(self, values: Object, path: str = "") -> None:
        self.values = values
        self._path = path

    @classmethod
    def parse(cls, raw: bytes) -> Body:
        """The object in a request body."""
        try:
            values = json.loads(raw)
        except (ValueError, RecursionError):
            raise RefusedError("We could not parse the JSON body of your request.") from None
        if not isinstance(values, dict):
            raise RefusedError("The body of your request must be a JSON object.")
        return cls(values)

    def text(self, key: str, default: str | None = None) -> str:
        """A string; required without a default."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self._wrong(key, "a string", missing=value is None)
        return value

    def integer(self, key: str, default: int | None, low: int, high: int) -> int | None:
        """An integer between `low` and `high`."""
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self._wrong(key, f"an integer between {low} and {high}")
        return value

    def count(self, key: str, default: int, low: int, high: int) -> int:
        """An integer that is never None."""
        value = self.integer(key, default, low, high)
        return default if value is None else value

    def flag(self, key: str, default: bool = False) -> bool:
        """A boolean."""
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong(key, "a boolean")
        return value

    def part(self, key: str) -> Body:
        """A nested object; an empty one if it is not there."""
        value = self.values.get(key)
        if value is None:
            return Body({}, self._name(key))
        if not isinstance(value, dict):
            raise self._wrong(key, "an object")
        return Body(value, self._name(key))

    def parts(self, key: str, *, required: bool = False) -> list[Body]:
        """A list of objects; with `required` not an empty one."""
        value = self.values.get(key)
        if value is None and not required:
            return []
        if not isinstance(value, list) or (required and not value):
            raise self._wrong(key, "a non-empty array" if required else "an array", missing=value is None)
        return [self._part_of(key, position, item) for position, item in enumerate(value)]

    def _part_of(self, key: str, position: int, item: JSON) -> Body:
        if not isinstance(item, dict):
            raise self._wrong(f"{key}.{position}", "an object")
        return Body(item, self._name(f"{key}.{position}"))

    def strings(self, key: str) -> tuple[str, ...]:
        """A string, or a list of strings."""
        value = self.values.get(key)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "a string or an array of strings")
        return tuple(str(item) for item in value)

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _wrong(self, key: str, expected: str, *, missing: bool = False) -> RefusedError:
        name = self._name(key)
        if missing:
            return RefusedError(f"Missing required parameter: '{name}'.", name)
        return RefusedError(f"Invalid value for '{name}': expected {expected}.", name)


def text_of(content: JSON) -> str:
    """The text of a message's content: a string, or a list of parts that may carry `text` or `content`."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return text_of(content.get("text") or content.get("content"))
    if isinstance(content, list):
        return "\n".join(filter(None, map(text_of, content)))
    return ""

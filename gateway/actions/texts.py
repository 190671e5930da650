"""Editing the text of an answer: each of its texts through a state of its own, whole or as it streams.

What a state may hold back is its own business. Here it is seen to that what was held back comes in time:
before the event that ends its text, and within that event if it brings text itself. Where texts and their
ends stand in a message the dialect knows.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Protocol

from gateway.actions.base import Verdict
from gateway.dialects.base import Dialect, Object


class Text(Protocol):
    """One text over its pieces."""

    def feed(self, text: str) -> str:
        """What may be seen of it now."""
        ...

    def close(self) -> str:
        """The text is complete: what was held back."""
        ...


class TextEditor:
    """Edits the messages of one answer; `make` begins a text."""

    def __init__(self, dialect: Dialect, make: Callable[[], Text]) -> None:
        self._dialect = dialect
        self._make = make
        self._texts: dict[str, Text] = {}
        self._fields: dict[str, str] = {}
        self._last: dict[str, Object] = {}
        """Where the latest piece of each text came from."""

    def edit(self, message: Object) -> Verdict:
        """Put in the place of each piece of text what may be seen; with the text its probabilities change."""
        ended = set(self._dialect.ends(message))
        changed = False
        last: dict[str, Object] = {}
        for key, holder, name in self._dialect.content_parts(message):
            text = holder[name]
            if isinstance(text, str):
                holder[name] = self._seen(message, key, name, text)
                changed = changed or holder[name] != text
                if name == self._fields.get(key):
                    last[key] = holder
        for key in ended.intersection(last):
            rest = self._texts[key].close()
            holder, name = last[key], self._fields[key]
            holder[name] = f"{holder[name]}{rest}"
            changed = changed or bool(rest)
        if changed:
            self._dialect.drop_probabilities(message)
        return "changed" if changed else "kept"

    def _seen(self, message: Object, key: str, name: str, text: str) -> str:
        if not text and key not in self._fields:
            return text
        if self._fields.setdefault(key, name) != name:
            # Responses: pieces come under `delta`, and then the whole text again, four times, under `text`.
            whole = self._make()
            return whole.feed(text) + whole.close()
        self._last[key] = message
        return self._texts.setdefault(key, self._make()).feed(text)

    def ahead(self, message: Object, *, everything: bool) -> list[Object]:
        """Events to send before this one: what is held back of texts that it ends, or of all texts.

        Texts that the message itself carries on are left: `edit` completes them.
        """
        carried = {
            key for key, _, name in self._dialect.content_parts(message) if name == self._fields.get(key)
        }
        keys = list(self._last) if everything else self._dialect.ends(message)
        held = [(key, self._close(key)) for key in keys if key in self._last and key not in carried]
        return [self._only(key, text) for key, text in held if text]

    def close(self) -> list[Object]:
        """Held-back ends: completed in place where the message still waits, and as events of their own.

        The driver of the stream takes the events, unless it closes before it writes the message.
        """
        held = [(key, text) for key in self._last if (text := self._close(key))]
        messages = [self._only(key, text) for key, text in held]
        for key, text in held:
            holder, name = self._parts(self._last[key], key)[-1]
            holder[name] = f"{holder[name]}{text}"
        self._last.clear()
        return messages

    def _close(self, key: str) -> str:
        return self._texts[key].close()

    def _only(self, key: str, text: str) -> Object:
        """An event like the one that the text came in, with nothing else in it."""
        message = deepcopy(self._last[key])
        self._dialect.bare(message)
        for _, holder, name in self._dialect.content_parts(message):
            holder[name] = ""
        holder, name = self._parts(message, key)[-1]
        holder[name] = text
        self._dialect.drop_probabilities(message)
        return message

    def _parts(self, message: Object, key: str) -> list[tuple[Object, str]]:
        return [(holder, name) for own, holder, name in self._dialect.content_parts(message) if own == key]

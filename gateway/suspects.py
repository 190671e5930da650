"""What `gateway verify` is asked about: the texts of a suspect, and the names that a mark may be of.

I/O and the forms of files; what the texts say is the business of `gateway.marks`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway.datasets import texts
from gateway.errors import ConfigError, Place
from gateway.evaluation.entries import entries
from gateway.packed import BROKEN, opened, reason

FIELDS = ("response", "output", "completion", "answer", "content", "text")
"""Where collections of answers keep them; the first that the first row has is taken."""


def suspect_texts(files: Iterable[Path], fields: Sequence[str] | None) -> Iterator[str]:
    """The texts of the files: of these fields, or of the one of FIELDS that there is, or of conversations.

    Conversations are rows with `messages`, of which those of the assistant count. Raises ConfigError.
    """
    for file in files:
        first = None if fields else _first(file)
        if first is None:
            yield from texts([file], fields or [FIELDS[0]])
        elif "messages" in first:
            yield from _conversations(file)
        else:
            found = [name for name in FIELDS if name in first][:1]
            if not found:
                known = ", ".join(sorted(first)) or "nothing"
                raise ConfigError.at(Place(str(file), 1, 1), f"say which --field holds the texts: {known}")
            yield from texts([file], found)


def _first(file: Path) -> dict[str, Any] | None:
    """The first row of JSON Lines; None for any other form, which `texts` knows what to do with."""
    try:
        with opened(file) as raw:
            found = msgspec.json.decode(raw.readline())
    except BROKEN as error:
        raise ConfigError.at(Place(str(file)), f"cannot be read: {reason(error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


class _Message(msgspec.Struct):
    role: str = ""
    content: str | list[Any] | None = None


class _Row(msgspec.Struct):
    messages: list[_Message]


def _conversations(file: Path) -> Iterator[str]:
    decode = msgspec.json.Decoder(_Row).decode
    with opened(file) as raw:
        for number, line in enumerate(raw, 1):
            try:
                row = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ConfigError.at(Place(str(file), number, 1), f"no conversation: {error}") from None
            yield from (
                message.content
                for message in row.messages
                if message.role == "assistant" and isinstance(message.content, str)
            )


def names_of_records(files: Sequence[Path], marking: Collection[str]) -> list[str]:
    """Who was given marked answers, by decision records: principals, and `org:` with their organisations.

    `marking` are the actions that mark. Raises ConfigError.
    """
    for file in files:
        if not file.is_file():
            raise ConfigError.at(Place(str(file)), "no such file")
    found: dict[str, None] = {}
    for entry in entries(files):
        if not set(marking).isdisjoint(entry.applied):
            found[entry.principal] = None
            if entry.org is not None:
                found[f"org:{entry.org}"] = None
    return list(found)


def names_in(file: Path) -> list[str]:
    """The names in a file, one on a line. Raises ConfigError."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError.at(Place(str(file)), f"cannot be read: {why}") from None
    return [name for line in lines if (name := line.strip())]

"""JSON values one after another: a line each, spread over lines, or as the elements of one array.

Tools export the same objects in all three forms. Values on lines of their own are read as a stream;
anything else needs the whole file in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_whole = json.JSONDecoder()
_BLANK = " \t\r\n,"
_NGINX = re.compile(r"\\x[0-9A-F]{2}")
"""How nginx escapes quotes and all beyond ASCII by default; JSON has no such escape."""


def first_value(head: bytes) -> object:
    """The value that a file begins with, as far as its first bytes show one; None if they do not."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n[")
    try:
        return _decode(text.partition(b"\n")[0])
    except (ValueError, RecursionError):
        pass
    try:
        return _whole.raw_decode(text.decode("utf-8", "ignore"))[0]
    except (ValueError, RecursionError):
        return None


def values(file: Iterable[bytes]) -> Iterator[tuple[int, Any]]:
    """Each value of a file's lines, with the line on which it begins. Raises BrokenTextError."""
    lines = enumerate(file, 1)
    for number, text in lines:
        if not text.strip():
            continue
        try:
            value = _decode(text)
        except ValueError:
            # Not a value by itself: from here on they are spread over lines, or there are none.
            yield from _spread(b"".join((text, *(more for _, more in lines))), number)
            return
        yield from ((number, element) for element in (value if isinstance(value, list) else [value]))


def _spread(data: bytes, number: int) -> Iterator[tuple[int, Any]]:
    """Values in a text that has line breaks inside them, or an array of them."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    at = 0
    while True:
        begin = at
        while begin < len(text) and text[begin] in _BLANK:
            begin += 1
        number += text.count("\n", at, begin)
        if begin == len(text):
            return
        try:
            value, at = _whole.raw_decode(text, begin)
        except json.JSONDecodeError as error:
            # A text that is cut off is missing something on its last line, not on an empty one after it.
            place = min(error.pos, len(text.rstrip()))
            message = f"not JSON: {error.msg}{_advice(text[begin:], error.pos - begin)}"
            raise BrokenTextError(number + text.count("\n", begin, place), message) from None
        yield from ((number, element) for element in (value if isinstance(value, list) else [value]))
        number += text.count("\n", begin, at)


def _advice(text: str, at: int) -> str:
    """What usually makes a tool's file break in this way."""
    if _NGINX.match(text, at):
        return " (nginx writes JSON only under `log_format NAME escape=json …`)"
    if '\\\\"' in text[:at].rpartition("\n")[2]:
        return " (psql's \\copy doubles backslashes: write `(format csv, header)`, or use psql -At -c)"
    return ""


class BrokenTextError(ValueError):
    """A file stops being what it began as on line `line`; the message says how."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)

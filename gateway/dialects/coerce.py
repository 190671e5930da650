"""Scored request fields as the engines would read them: lax in form, strict in type.

Engines coerce (vLLM parses `"20"` and `20.0` as 20 and `"true"` as true; pydantic, "conversion table"),
so a reader that insists on JSON types is dodged by a string. What no engine would accept is a
CallError that names the field and never quotes its value. None means absent everywhere.
"""

from __future__ import annotations

import math
import re
from typing import NoReturn

from gateway.errors import CallError
from gateway.model import JSON

UNBOUNDED = 2**31 - 1
"""Stands for "no limit", which engines write as a negative number."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,40}(?:\.0*)?")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0", ""})
_LARGEST = 2**63 - 1


def wrong(field: str, wanted: str) -> NoReturn:
    """Refuse the request because `field` is not `wanted`."""
    raise CallError(400, "invalid_type", f"'{field}' must be {wanted}")


def integer(value: JSON, field: str) -> int | None:
    """A whole number, clamped to 64 bits."""
    if value is None:
        return None
    if isinstance(value, str):
        cleaned = value.strip().replace("_", "")
        if not _WHOLE.fullmatch(cleaned):
            wrong(field, "an integer")
        value = int(cleaned.partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int):
        wrong(field, "an integer")
    return max(-_LARGEST, min(int(value), _LARGEST))


def number(value: JSON, field: str) -> float | None:
    """A finite number."""
    if value is None:
        return None
    if isinstance(value, str):
        cleaned = value.strip().replace("_", "")
        if not _DECIMAL.fullmatch(cleaned):
            wrong(field, "a number")
        value = float(cleaned)
    if not isinstance(value, (int, float)) or (isinstance(value, float) and not math.isfinite(value)):
        wrong(field, "a number")
    return float(max(-_LARGEST, min(value, _LARGEST)))


def boolean(value: JSON, field: str) -> bool | None:
    """A truth value; 0, 1 and the usual words count as such."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    elif value in (0, 1):
        return value == 1
    wrong(field, "a boolean")


def text(value: JSON, field: str) -> str | None:
    """A string."""
    if value is None or isinstance(value, str):
        return value
    wrong(field, "a string")


def items(value: JSON, field: str) -> list[JSON]:
    """A list; empty if absent."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    wrong(field, "an array")

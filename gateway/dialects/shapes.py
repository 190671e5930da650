"""Reading answers that may have any shape: nothing here raises, whatever another server sent.

Only generic steps over JSON live here; which key means what is the business of the dialects.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from gateway.dialects.base import Object
from gateway.model import JSON


def words(text: str) -> frozenset[str]:
    """A set of keys, written as a paragraph."""
    return frozenset(text.split())


def objects(value: JSON) -> Iterator[Object]:
    """The objects in a list; nothing for anything else."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield item


def child(holder: Object, *path: str) -> Object:
    """The object at `path`, or an empty one that belongs to nobody."""
    for key in path:
        value = holder.get(key)
        if not isinstance(value, dict):
            return {}
        holder = value
    return holder


def number(value: JSON) -> float | None:
    """A finite number, None for anything else (booleans are not numbers)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def count(value: JSON) -> int | None:
    """A token count: a non-negative whole number, None for anything else."""
    found = number(value)
    return int(found) if found is not None and found >= 0 else None


def total(*values: JSON) -> int | None:
    """The sum of those values that are counts; None if none is."""
    found = [n for n in map(count, values) if n is not None]
    return sum(found) if found else None


def index(value: JSON) -> str:
    """The position of a choice or block as a stream key; servers with one answer leave it out."""
    return str(count(value) or 0)


def drop(holder: Object, keys: Collection[str]) -> bool:
    """Remove `keys`; whether any was there."""
    found = [key for key in holder if key in keys]
    for key in found:
        del holder[key]
    return bool(found)


def keep(holder: Object, keys: Collection[str]) -> bool:
    """Remove everything but `keys`; whether anything went."""
    return drop(holder, [key for key in holder if key not in keys])

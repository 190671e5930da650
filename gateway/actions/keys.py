"""What the editing actions share: dotted keys of a request body, the numbers behind them, who answers.

Which keys there are is the business of `gateway.dialects`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from gateway.dialects.base import Object
from gateway.model import JSON, Call


def present(body: Object, keys: Iterable[str]) -> Iterator[tuple[Object, str]]:
    """(holder, key) of each dotted key that stands in `body`, whatever its value."""
    for dotted in keys:
        *path, key = dotted.split(".")
        holder: JSON = body
        for step in path:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and key in holder:
            yield holder, key


def put(body: Object, dotted: str, value: JSON) -> None:
    """Set a dotted key; objects on the way are made, anything else in their place is replaced."""
    *path, key = dotted.split(".")
    for step in path:
        inner = body.get(step)
        if not isinstance(inner, dict):
            inner = body[step] = {}
        body = inner
    body[key] = value


def amount(value: JSON) -> float | None:
    """The number that an engine may read here, numbers in strings included; None for anything else.

    Engines coerce: vLLM takes `"20"` for 20. A boolean is a switch, not a number. What exceeds a float is
    infinite, whatever its sign, as for every use here both are too much.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
    except OverflowError:
        return math.inf


def lower(body: Object, keys: tuple[str, ...], most: float | None) -> bool:
    """Replace each number that is not within the cap; null and switches ask for no number."""
    changed = False
    if most is None:
        return changed
    for holder, key in present(body, keys):
        number = amount(holder[key])
        # Negative values mean "no limit" or "all" (llama.cpp's n_predict, vLLM's top_logprobs).
        if number is not None and not 0 <= number <= most:
            holder[key] = most
            changed = True
    return changed


def bound(body: Object, keys: tuple[str, ...], most: float | None) -> bool:
    """Set the first alias if none has a value: without one, engines go on to the end of the context."""
    if most is None or not keys or any(holder[key] is not None for holder, key in present(body, keys)):
        return False
    put(body, keys[0], most)
    return True


def remove(body: Object, keys: tuple[str, ...]) -> bool:
    """Take these keys out, except where they are null and say nothing; whether any said something."""
    found = [(holder, key) for holder, key in present(body, keys) if holder[key] is not None]
    for holder, key in found:
        del holder[key]
    return bool(found)


def speaks(call: Call) -> bool:
    """Whether the answer is generated text; others (embeddings may be huge) need not be held and read."""
    return call.route.endpoint not in ("embeddings", "count_tokens", "models")

"""The smallest value that a JSON schema accepts, as far as types, bounds and references go.

Not a validator: `pattern`, `not`, `if` and the like are not looked at. A schema that refers to itself
without end gives null where it would go too deep.
"""

from __future__ import annotations

import math

from gateway.model import JSON

_DEEPEST = 16
_HUGE = 1e12
_LONGEST = 10_000

_FORMATS = {
    "date": "2025-01-01",
    "date-time": "2025-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "demo@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
}


def instance(schema: JSON) -> JSON:
    """A value for the schema: required properties only, or all of them where none is required."""
    return _value(schema, schema, 0)


def _value(schema: JSON, root: JSON, depth: int) -> JSON:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _value(_resolve(reference, root), root, depth + 1)
    for key in ("anyOf", "oneOf"):
        options = schema.get(key)
        if isinstance(options, list) and options:
            return _value(options[0], root, depth + 1)
    parts = schema.get("allOf")
    if isinstance(parts, list) and parts:
        return _merged(parts, root, depth)
    return _typed(schema, root, depth)


def _merged(parts: list[JSON], root: JSON, depth: int) -> JSON:
    values = [_value(part, root, depth + 1) for part in parts]
    objects = [value for value in values if isinstance(value, dict)]
    if not objects:
        return values[0]
    return {key: value for found in objects for key, value in found.items()}


def _resolve(reference: str, root: JSON) -> JSON:
    found = root
    for step in reference.removeprefix("#").split("/")[1:]:
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found


def _typed(schema: dict[str, JSON], root: JSON, depth: int) -> JSON:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema, root, depth)
    if kind == "array":
        count = _number(schema, "minItems", 0)
        return [_value(schema.get("items"), root, depth + 1) for _ in range(min(int(count), 100))]
    if kind == "string":
        return _string(schema)
    if kind in ("integer", "number"):
        return _bounded(schema, whole=kind == "integer")
    return True if kind == "boolean" else None


def _object(schema: dict[str, JSON], root: JSON, depth: int) -> JSON:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    required = schema.get("required")
    names = [str(name) for name in required] if isinstance(required, list) and required else list(properties)
    return {name: _value(properties.get(name), root, depth + 1) for name in names}


def _string(schema: dict[str, JSON]) -> str:
    form = schema.get("format")
    text = _FORMATS.get(form, "demo") if isinstance(form, str) else "demo"
    text = text.ljust(min(int(_number(schema, "minLength", 0)), _LONGEST), "x")
    return text[: max(int(_number(schema, "maxLength", _LONGEST)), 0)]


def _bounded(schema: dict[str, JSON], *, whole: bool) -> float:
    """A number inside the bounds, near one (or near `multipleOf`), if there is any."""
    step = max(_number(schema, "multipleOf", 0), 0)
    nudge = 1 if whole else 1e-6
    low = max(_number(schema, "minimum", -_HUGE), _number(schema, "exclusiveMinimum", -_HUGE) + nudge)
    high = min(_number(schema, "maximum", _HUGE), _number(schema, "exclusiveMaximum", _HUGE) - nudge)
    value = min(max(step or 1, low), high)
    if step:
        # Up to the next multiple; down from there if that is too far.
        value = math.ceil(value / step) * step
        value = value if value <= high else math.floor(high / step) * step
    return int(value) if whole else float(value)


def _number(schema: dict[str, JSON], key: str, default: float) -> float:
    """A number of sensible size (JSON as Python reads it knows NaN and Infinity)."""
    value = schema.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool) and -_HUGE <= value <= _HUGE:
        return value
    return default

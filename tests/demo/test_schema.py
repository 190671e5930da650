"""The smallest instance of a schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.schema import instance
from gateway.model import JSON


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "demo"),
        ({"type": "string", "minLength": 6}, "demoxx"),
        ({"type": "string", "maxLength": 2}, "de"),
        ({"type": "string", "format": "date"}, "2025-01-01"),
        ({"type": "string", "format": "other"}, "demo"),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "exclusiveMaximum": 0}, -1),
        ({"type": "integer", "minimum": 5, "maximum": 5}, 5),
        ({"type": "integer", "multipleOf": 5}, 5),
        ({"type": "integer", "multipleOf": 5, "minimum": 7}, 10),
        ({"type": "integer", "multipleOf": 5, "maximum": 3}, 0),
        ({"type": "integer", "minimum": float("nan"), "maximum": float("inf")}, 1),
        ({"type": "number", "minimum": 0.1, "maximum": 0.2}, 0.2),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.999999),
        ({"type": "number"}, 1.0),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "boolean"]}, True),
        ({"type": ["null"]}, None),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": 7}, 7),
        ({"default": "x", "type": "string"}, "x"),
        ({"type": "object"}, {}),
        ({"properties": {"a": {"const": 1}, "b": {"const": 2}}}, {"a": 1, "b": 2}),
        ({"properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["b"]}, {"b": 2}),
        ({"properties": {}, "required": ["missing"]}, {"missing": None}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
        ({"oneOf": [{"const": "x"}]}, "x"),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": None}),
        ({"allOf": [{"type": "integer"}]}, 1),
        ({"$defs": {"a/b": {"const": 3}}, "$ref": "#/$defs/a~1b"}, 3),
        ({"$ref": "#/nowhere/at/all"}, None),
        ({}, None),
        (True, None),
    ],
)  # fmt: skip
def test_the_instance_is_small_and_valid(schema: Any, value: JSON) -> None:
    assert instance(schema) == value


def test_a_schema_that_refers_to_itself_ends_in_null() -> None:
    schema: JSON = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    found = instance(schema)
    for _ in range(8):
        assert isinstance(found, dict)
        found = found["next"]
    assert '"next"' in str(instance(schema)).replace("'", '"')


KEYS = st.sampled_from(
    ("type", "properties", "required", "items", "enum", "anyOf", "allOf", "$ref", "minimum", "maximum",
     "minItems", "minLength", "maxLength", "multipleOf", "exclusiveMinimum", "format")
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(("object", "array", "string", "integer", "number", "#", "#/items", "date")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
def test_any_json_at_all_gives_a_value_and_no_exception(schema: Any) -> None:
    assert instance(schema) == instance(schema)

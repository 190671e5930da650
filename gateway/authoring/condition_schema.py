"""Conditions as JSON Schema: every field with its meaning, and the operators that fit it.

Drawn from the tables of `gateway.fields` and `gateway.conditions`; what an operator means stands here,
because only a reader of the editor's hover text needs to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from gateway.conditions import OPERATORS
from gateway.fields import FIELDS, Field, Kind

Schema: TypeAlias = dict[str, Any]

CONDITION: Schema = {"$ref": "#/$defs/condition"}

MEANING: Mapping[str, str] = {
    "eq": "equal to this",
    "ne": "known, and not equal to this",
    "gt": "greater than this",
    "gte": "this or greater",
    "lt": "less than this",
    "lte": "this or less",
    "in": "one of these",
    "not_in": "known, and none of these",
    "contains": "has this in it",
    "starts_with": "begins with this",
    "matches": "matches an RE2 pattern, or the pattern set named after '@': '@cot-elicitation'",
    "cidr": "an address inside a network: 192.0.2.0/24",
    "exists": "true: the call has it; false: it has not",
}
"""What each operator asks, for hover texts and `gateway fields`."""

_VALUE: Mapping[Kind, Schema] = {
    "number": {"type": "number"},
    "text": {"type": "string", "minLength": 1},
    "flag": {"type": "boolean"},
    "list": {"type": "string", "minLength": 1},
}


def meaning(field: Field) -> str:
    """A field in one sentence, with when it is known."""
    late = ". Known after the answer only: counts from the next call on" if field.late else ""
    return f"{field.doc[:1].upper()}{field.doc[1:]} ({field.kind}){late}."


def condition_schemas() -> Mapping[str, Schema]:
    """The definition `condition`, which refers to itself, and those that it refers to, by name."""
    several = {"type": "array", "minItems": 1, "items": CONDITION}
    condition = {
        "type": "object",
        "description": "A condition: all keys must hold. A key is a field, or any, all, not.",
        "minProperties": 1,
        "properties": {
            **{name: _field(field) for name, field in FIELDS.items()},
            "any": {"description": "At least one of these conditions holds.", **several},
            "all": {"description": "All of these conditions hold.", **several},
            "not": {"description": "This condition does not hold.", **CONDITION},
        },
        "additionalProperties": False,
    }
    return {"condition": condition, **{_name(kind): _test(kind, _VALUE[kind]) for kind in OPERATORS}}


def _name(kind: Kind) -> str:
    return f"{kind}-test"


def _field(field: Field) -> Schema:
    if field.choices:
        return {"description": meaning(field), **_test(field.kind, {"enum": list(field.choices)})}
    return {"description": meaning(field), "$ref": f"#/$defs/{_name(field.kind)}"}


def _test(kind: Kind, exact: Schema) -> Schema:
    """What may stand behind a field: `exact` for a value, a list of these, or operators."""
    listed = {"type": "array", "minItems": 1, "items": exact}
    operators = OPERATORS[kind]
    tests = {
        "type": "object",
        "minProperties": 1,
        "properties": {name: _operator(name, _VALUE[kind], exact, listed) for name in operators},
        "additionalProperties": False,
    }
    return {"anyOf": [exact, *([listed] if "in" in operators else []), tests]}


def _operator(name: str, value: Schema, exact: Schema, listed: Schema) -> Schema:
    operand: Schema = value
    if name in ("in", "not_in"):
        operand = listed
    elif name in ("eq", "ne"):
        operand = exact
    elif name == "exists":
        operand = {"type": "boolean"}
    elif name == "cidr":
        operand = {"anyOf": [value, {"type": "array", "minItems": 1, "items": value}]}
    return {"description": MEANING[name], **operand}

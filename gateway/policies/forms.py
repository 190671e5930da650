"""How single values of documents are written: ids, ramps, factors, lists of words.

Here are the types of values, with what they say to an author who writes them wrongly and to editors. Which
document has which of them under which key is the business of `gateway.policies.schema`.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
FACTOR = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)x")
AISVS = re.compile(r"C\d{1,2}(?:\.\d{1,2}){0,2}")
ATLAS = re.compile(r"AML\.(?:TA\d{4}|T\d{4}(?:\.\d{3})?|M\d{4}|CS\d{4})")


def slug(value: str) -> str:
    """An id as it is. Raises ValueError."""
    if not SLUG.fullmatch(value) or len(value) > 64:
        raise ValueError("an id is made of lower-case letters and digits, with '-' between: hourly-output")
    return value


def atlas(value: str) -> str:
    if not ATLAS.fullmatch(value):
        raise ValueError("not an ATLAS id; write AML.T0024.002, AML.M0004 or AML.CS0056")
    return value


def aisvs(value: str) -> str:
    if not AISVS.fullmatch(value):
        raise ValueError("not an AISVS item; write C11.3 or C11.3.1")
    return value


def ramp(value: object) -> tuple[float, float]:
    """Two different numbers; [harmless, certain], rising or falling."""
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
        raise ValueError("write two numbers: [harmless, certain]")
    if value[0] == value[1]:
        raise ValueError("the two numbers of a ramp must differ")
    return float(value[0]), float(value[1])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def rollout(value: object) -> object:
    """`25%` is short for `{percent: 25%}`."""
    return value if isinstance(value, dict) else {"percent": value}


def listed(value: object) -> object:
    """A key without a value (`false_positives:`) is an empty list."""
    return [] if value is None else value


def mapped(value: object) -> object:
    """The same for a mapping."""
    return {} if value is None else value


def factor(value: object) -> float:
    """`10x`, `0.5x`."""
    found = FACTOR.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError("write a factor: 10x, 0.5x")
    return float(found[1])


def effect(value: object) -> object:
    """`skip` is short for `{points: 0x}`."""
    if isinstance(value, str) and value != "skip":
        raise ValueError("write skip, {ramp: 10x} or {points: 0.5x}")
    return {"points": "0x"} if value == "skip" else value


def named(value: str) -> str:
    if "*" in value:
        raise ValueError("may not apply to '*': name the policies or signals")
    return value


def text(pattern: re.Pattern[str]) -> WithJsonSchema:
    """For the JSON Schema: text of this form."""
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern.pattern}$"})


class OrAs:
    """For the JSON Schema: another form of writing a value, which a validator before the type reads."""

    def __init__(self, **form: Any) -> None:
        self._form = form

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [self._form, handler(core)]}


Slug = Annotated[str, AfterValidator(slug), text(SLUG)]
Words = Annotated[list[str], BeforeValidator(listed), OrAs(type="null")]
Ramp = Annotated[tuple[float, float], BeforeValidator(ramp)]
Factor = Annotated[float, BeforeValidator(factor)]
ModeWord = Literal["disabled", "shadow", "enforce"]

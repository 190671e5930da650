"""The policy language's documents, as pydantic models: which keys there are and which values they take.

Only what can be checked inside one document stands here. What needs the other documents, the detectors
or the actions is checked in `gateway.policies.compile`; detector and action options have models of
their own beside their code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gateway.policies.bundle import Rollout
from gateway.units import Duration, Percent

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_AISVS = re.compile(r"C\d{1,2}(?:\.\d{1,2}){0,2}")
_ATLAS = re.compile(r"AML\.(?:TA\d{4}|T\d{4}(?:\.\d{3})?|M\d{4}|CS\d{4})")


def _slug(value: str) -> str:
    if not _SLUG.fullmatch(value) or len(value) > 64:
        raise ValueError("an id is made of lower-case letters and digits, with '-' between: hourly-output")
    return value


def _atlas(value: str) -> str:
    if not _ATLAS.fullmatch(value):
        raise ValueError("not an ATLAS id; write AML.T0024.002, AML.M0004 or AML.CS0056")
    return value


def _aisvs(value: str) -> str:
    if not _AISVS.fullmatch(value):
        raise ValueError("not an AISVS item; write C11.3 or C11.3.1")
    return value


def _ramp(value: object) -> tuple[float, float]:
    """Two different numbers; [harmless, certain], rising or falling."""
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
        raise ValueError("write two numbers: [harmless, certain]")
    if value[0] == value[1]:
        raise ValueError("the two numbers of a ramp must differ")
    return float(value[0]), float(value[1])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _rollout(value: object) -> object:
    """`25%` is short for `{percent: 25%}`."""
    return {"percent": value} if isinstance(value, str) else value


def _listed(value: object) -> object:
    """A key without a value (`false_positives:`) is an empty list."""
    return [] if value is None else value


Slug = Annotated[str, AfterValidator(_slug)]
Words = Annotated[list[str], BeforeValidator(_listed)]
ModeWord = Literal["disabled", "shadow", "enforce"]


class Strict(BaseModel):
    """Base of all documents: unknown keys are errors, and `points: "5"` or `version: true` too."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Reference(Strict):
    """Where the behaviour is described: one of an ATLAS id, an OWASP AISVS item, or an address."""

    atlas: Annotated[str, AfterValidator(_atlas)] | None = None
    aisvs: Annotated[str, AfterValidator(_aisvs)] | None = None
    url: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _one(self) -> Reference:
        if [self.atlas, self.aisvs, self.url].count(None) != 2:
            raise ValueError("give exactly one of atlas, aisvs, url")
        return self


class Described(Strict):
    """What every document says about itself."""

    id: Slug
    version: Annotated[int, Field(ge=1)] = 1
    title: Annotated[str, Field(min_length=1)]
    description: str = ""
    status: Literal["experimental", "test", "stable", "deprecated"] = "test"
    severity: Literal["low", "medium", "high", "critical"] = "medium"
    owner: str = ""
    references: Annotated[list[Reference], BeforeValidator(_listed)] = []
    false_positives: Words = []


class RolloutDocument(Strict):
    """Which share of whom a policy may act on."""

    percent: Percent = 1.0
    by: Literal["principal", "org"] = "org"
    holdout: Percent = 0.0

    def value(self) -> Rollout:
        """The compiled form."""
        return Rollout(self.percent, self.by, self.holdout)


class SignalDocument(Strict):
    """One measured number. The detector's key is an extra here, because detectors can be added."""

    model_config = ConfigDict(extra="allow")

    ramp: Annotated[tuple[float, float], BeforeValidator(_ramp)] | None = None
    points: Annotated[float, Field(gt=0, le=100)]
    mode: ModeWord = "enforce"
    floor: Slug | None = None
    why: str | None = None

    @property
    def extra(self) -> Mapping[str, Any]:
        """The keys that are not of this model, as written."""
        return self.model_extra or {}


class PolicyDocument(Described):
    """What is suspicious, how many points it is worth, and how far it may act."""

    kind: Literal["policy"]
    mode: ModeWord = "shadow"
    rollout: Annotated[RolloutDocument, BeforeValidator(_rollout)] = RolloutDocument()
    match: dict[str, Any] | None = None
    key: Literal["principal", "org"] = "principal"
    combine: Literal["sum", "max"] = "sum"
    cap: Annotated[float, Field(gt=0, le=100)] = 100.0
    half_life: Annotated[Duration, Field(gt=0)] = 3600.0
    signals: Annotated[dict[Slug, SignalDocument], Field(min_length=1)]


class PatternDocument(Strict):
    """One expression with the examples that prove it."""

    regex: str
    weight: Annotated[float, Field(gt=0, le=1)] = 1.0
    match: Words = []
    passes: Annotated[Words, Field(alias="pass")] = []
    note: str = ""


class PatternsDocument(Described):
    """Named text patterns, used by conditions as `matches: '@id'`."""

    kind: Literal["patterns"]
    items: Annotated[dict[Slug, PatternDocument], Field(min_length=1)]


class RequiresDocument(Strict):
    """Corroboration beside the score."""

    policies: Annotated[int, Field(ge=0)] = 0
    principal_age: Duration = 0.0
    sustained: Duration = 0.0


class RungDocument(Strict):
    """What a score leads to: `do` is a list of `action: options`."""

    at: Annotated[float, Field(gt=0, le=100)]
    clear: Annotated[float, Field(ge=0)] | None = None
    requires: RequiresDocument = RequiresDocument()
    do: Annotated[list[dict[str, Any]], Field(min_length=1)]


class LadderDocument(Described):
    """The responses, from mild to harsh."""

    kind: Literal["ladder"]
    rungs: Annotated[dict[Slug, RungDocument], Field(min_length=1)]


KINDS: Mapping[str, type[PolicyDocument | PatternsDocument | LadderDocument]] = {
    "policy": PolicyDocument,
    "patterns": PatternsDocument,
    "ladder": LadderDocument,
}
"""The kinds of documents that make a bundle."""

TESTS = "tests"
"""The kind of documents that promise something about a bundle and are no part of it."""

PLANNED = frozenset({"tenant", "exemption"})
"""Kinds of the language's design that this version does not read yet."""

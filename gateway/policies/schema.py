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

from gateway.policies.bundle import Effect, Rollout
from gateway.units import Day, Duration, Percent

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_FACTOR = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)x")
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


def _mapped(value: object) -> object:
    """The same for a mapping."""
    return {} if value is None else value


def _factor(value: object) -> float:
    """`10x`, `0.5x`."""
    found = _FACTOR.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError("write a factor: 10x, 0.5x")
    return float(found[1])


def _effect(value: object) -> object:
    """`skip` is short for `{points: 0x}`."""
    if isinstance(value, str) and value != "skip":
        raise ValueError("write skip, {ramp: 10x} or {points: 0.5x}")
    return {"points": "0x"} if value == "skip" else value


def _named(value: str) -> str:
    if "*" in value:
        raise ValueError("may not apply to '*': name the policies or signals")
    return value


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


class Named(Strict):
    """What every document says about itself."""

    id: Slug
    version: Annotated[int, Field(ge=1)] = 1
    title: Annotated[str, Field(min_length=1)]
    description: str = ""


class Described(Named):
    """What a document about behaviour says of it besides."""

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


class EffectDocument(Strict):
    """How a signal is softened: its ramp moved away by a factor, or its points cut to a part."""

    ramp: Annotated[float, BeforeValidator(_factor), Field(ge=1)] | None = None
    points: Annotated[float, BeforeValidator(_factor), Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> EffectDocument:
        if (self.ramp is None) == (self.points is None):
            raise ValueError("write skip, {ramp: 10x} or {points: 0.5x}")
        return self

    def value(self) -> Effect:
        """The compiled form."""
        return Effect(self.ramp or 1.0, 1.0 if self.points is None else self.points)


class ExemptionDocument(Named):
    """A workload known to be benign: which calls, which signals, how much, and until when."""

    kind: Literal["exemption"]
    reason: Annotated[str, Field(min_length=1)]
    owner: Annotated[str, Field(min_length=1)]
    expires: Day
    match: dict[str, Any]
    applies_to: Annotated[list[Annotated[str, AfterValidator(_named)]], Field(min_length=1)]
    effect: Annotated[EffectDocument, BeforeValidator(_effect)]
    until_score: Annotated[float, Field(gt=0, le=100)] | None = None


class TenantDocument(Named):
    """What holds for some customers: a ceiling, a ladder of their own, other numbers.

    A principal's tenant is the one that names it, else its organisation, else its tier.
    """

    kind: Literal["tenant"]
    owner: str = ""
    principals: Words = []
    orgs: Words = []
    tiers: Words = []
    mode: ModeWord = "enforce"
    ladder: Slug | None = None
    set: Annotated[dict[str, Any], BeforeValidator(_mapped)] = {}

    @model_validator(mode="after")
    def _somebody(self) -> TenantDocument:
        if not (self.principals or self.orgs or self.tiers):
            raise ValueError("name somebody in principals, orgs or tiers")
        return self


AnyDocument = PolicyDocument | PatternsDocument | LadderDocument | ExemptionDocument | TenantDocument
KINDS: Mapping[str, type[AnyDocument]] = {
    "policy": PolicyDocument,
    "patterns": PatternsDocument,
    "ladder": LadderDocument,
    "tenant": TenantDocument,
    "exemption": ExemptionDocument,
}
"""The kinds of documents that make a bundle."""

TESTS = "tests"
"""The kind of documents that promise something about a bundle and are no part of it."""

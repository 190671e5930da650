"""The policy language's documents, as pydantic models: which keys there are and which values they take.

Only what can be checked inside one document stands here. What needs the other documents, the detectors
or the actions is checked in `gateway.policies.compile`; detector and action options have models of
their own beside their code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from gateway.conditions import Spec
from gateway.policies import forms
from gateway.policies.bundle import Effect, Rollout
from gateway.policies.forms import Factor, ModeWord, OrAs, Ramp, Slug, Words
from gateway.units import Day, Duration, Percent


class Strict(BaseModel):
    """Base of all documents: unknown keys are errors, and `points: "5"` or `version: true` too.

    The words under a key are what editors and the reference show for it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Reference(Strict):
    """Where the behaviour is described: one of an ATLAS id, an OWASP AISVS item, or an address."""

    atlas: Annotated[str, AfterValidator(forms.atlas), forms.text(forms.ATLAS)] | None = None
    """A tactic, technique, mitigation or case study of MITRE ATLAS: AML.T0024.002."""
    aisvs: Annotated[str, AfterValidator(forms.aisvs), forms.text(forms.AISVS)] | None = None
    """A chapter, section or requirement of OWASP AISVS 1.0: C11.3."""
    url: str | None = None
    """An address where it is described."""
    note: str = ""
    """What stands there, in words."""

    @model_validator(mode="after")
    def _one(self) -> Reference:
        if [self.atlas, self.aisvs, self.url].count(None) != 2:
            raise ValueError("give exactly one of atlas, aisvs, url")
        return self


class Named(Strict):
    """What every document says about itself."""

    id: Slug
    """The name under which everything else refers to this."""
    version: Annotated[int, Field(ge=1)] = 1
    """Raise it with each change that matters."""
    title: Annotated[str, Field(min_length=1)]
    """One line for lists and reports."""
    description: str = ""
    """What it is about, for whoever has to judge a case."""


class Described(Named):
    """What a document about behaviour says of it besides."""

    status: Literal["experimental", "test", "stable", "deprecated"] = "test"
    """How far it is proved; what is experimental should not act on anybody."""
    severity: Literal["low", "medium", "high", "critical"] = "medium"
    """How grave it is if true."""
    owner: str = ""
    """Who answers for it."""
    references: Annotated[list[Reference], BeforeValidator(forms.listed), OrAs(type="null")] = []
    """Where the behaviour is described: ATLAS, AISVS, an address."""
    false_positives: Words = []
    """Honest traffic that it may hit."""


class RolloutDocument(Strict):
    """Which share of whom a policy may act on."""

    percent: Percent = 1.0
    """The share that it may act on; raising it keeps those already in."""
    by: Literal["principal", "org"] = "org"
    """What the share is counted in."""
    holdout: Percent = 0.0
    """A share that it never acts on, to compare with."""

    def value(self) -> Rollout:
        """The compiled form."""
        return Rollout(self.percent, self.by, self.holdout)


class SignalDocument(Strict):
    """One measured number. The detector's key is an extra here, because detectors can be added."""

    model_config = ConfigDict(extra="allow")

    ramp: Ramp | None = None
    """[harmless, certain]: the value is mapped to a strength from 0 to 1. It may fall: less is worse."""
    points: Annotated[float, Field(gt=0, le=100)]
    """What full strength is worth; 100 is the top of the ladder."""
    mode: ModeWord = "enforce"
    """The lower of this and the policy's mode counts."""
    floor: Slug | None = None
    """A rung that full strength lifts to, whatever the score."""
    why: str | None = None
    """The reason in words, with {value}, {n}, {over}, {lo}, {hi}: "{value:.0%} of {n} in {over}"."""

    @property
    def extra(self) -> Mapping[str, Any]:
        """The keys that are not of this model, as written."""
        return self.model_extra or {}


class PolicyDocument(Described):
    """What is suspicious, how many points it is worth, and how far it may act."""

    kind: Literal["policy"]
    mode: ModeWord = "shadow"
    """disabled: not evaluated; shadow: recorded only; enforce: may act."""
    since: Day | None = None
    """The day on which its mode last changed; `gateway check` reminds of what stays in shadow for 60 days."""
    rollout: Annotated[
        RolloutDocument, BeforeValidator(forms.rollout), OrAs(type="string", pattern=r"^[0-9.]+\s*%$")
    ] = RolloutDocument()
    """The share of customers that it may act on: 25%, or {percent: 25%, by: org, holdout: 2%}."""
    match: Spec | None = None
    """Which calls it is about; all without it. May read nothing of the answer."""
    key: Literal["principal", "org", "campaign"] = "principal"
    """Whose calls are counted together. With campaign the policy's peak belongs to all members."""
    combine: Literal["sum", "max", "all"] = "sum"
    """max where the signals see the same traffic through several windows; all where each is needed and the
    weakest counts."""
    cap: Annotated[float, Field(gt=0, le=100)] = 100.0
    """The most points that this policy gives."""
    calibrated: str = ""
    """On what traffic its numbers were set; `gateway tune --learn --write` notes it."""
    half_life: Annotated[Duration, Field(gt=0)] = 3600.0
    """The time in which its peak fades to a half."""
    carry: bool = False
    """true: once it is enforced, what it found in shadow counts at once; otherwise it begins at zero."""
    signals: Annotated[dict[Slug, SignalDocument], Field(min_length=1)]
    """What is measured, by id."""


class PatternDocument(Strict):
    """One expression with the examples that prove it."""

    regex: str
    """RE2, without backreferences and lookaround; (?i) ignores case."""
    weight: Annotated[float, Field(gt=0, le=1)] = 1.0
    """How much a match counts."""
    match: Words = []
    """Texts that it must match, checked at each load."""
    passes: Annotated[Words, Field(alias="pass")] = []
    """Texts that it must not match, checked at each load."""
    note: str = ""
    """Why it is there, or what weakens it."""


class PatternsDocument(Described):
    """Named text patterns, used by conditions as `matches: '@id'`."""

    kind: Literal["patterns"]
    items: Annotated[dict[Slug, PatternDocument], Field(min_length=1)]
    """The patterns, by id."""


class RequiresDocument(Strict):
    """Corroboration beside the score."""

    policies: Annotated[int, Field(ge=0)] = 0
    """So many policies must speak, with 5 points or more each."""
    principal_age: Duration = 0.0
    """So long the account must have existed."""
    sustained: Duration = 0.0
    """So long the score must have stayed at `at` or above."""


class RungDocument(Strict):
    """What a score leads to: `do` is a list of `action: options`."""

    at: Annotated[float, Field(gt=0, le=100)]
    """The score from which the rung is reached."""
    clear: Annotated[float, Field(ge=0)] | None = None
    """The score below which it is left again; `at` without it."""
    requires: RequiresDocument = RequiresDocument()
    """What else must hold."""
    do: Annotated[list[dict[str, Any]], Field(min_length=1)]
    """The responses; those of lower rungs stay, one named again is replaced."""


class LadderDocument(Described):
    """The responses, from mild to harsh."""

    kind: Literal["ladder"]
    rungs: Annotated[dict[Slug, RungDocument], Field(min_length=1)]
    """The steps, by id; their order is that of `at`."""


class EffectDocument(Strict):
    """How a signal is softened: its ramp moved away by a factor, or its points cut to a part."""

    ramp: Annotated[Factor, Field(ge=1), forms.text(forms.FACTOR)] | None = None
    """Moves the ramp away from harmless by this factor: 10x, their normal is ten times ours."""
    points: Annotated[Factor, Field(ge=0, le=1), forms.text(forms.FACTOR)] | None = None
    """The part of the points that stays: 0.5x."""

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
    """Why it is honest, and who has looked at it."""
    owner: Annotated[str, Field(min_length=1)]
    """Who answers for it."""
    expires: Day
    """Its last day; from then on it is not applied."""
    match: Spec
    """Which calls it is about."""
    applies_to: Annotated[list[Annotated[str, AfterValidator(forms.named)]], Field(min_length=1)]
    """Policies, or signals as policy.signal."""
    effect: Annotated[EffectDocument, BeforeValidator(forms.effect), OrAs(const="skip")]
    """skip, {ramp: 10x} or {points: 0.5x}."""
    until_score: Annotated[float, Field(gt=0, le=100)] | None = None
    """It holds while the score would stay below this without it."""


class TenantDocument(Named):
    """What holds for some customers: a ceiling, a ladder of their own, other numbers.

    A principal's tenant is the one that names it, else its organisation, else its tier.
    """

    kind: Literal["tenant"]
    owner: str = ""
    """Who answers for it."""
    principals: Words = []
    """Principal ids, as in records."""
    orgs: Words = []
    """Organisations of the mapping file."""
    tiers: Words = []
    """Tiers of the mapping file."""
    mode: ModeWord = "enforce"
    """How far any policy may go for them."""
    ladder: Slug | None = None
    """A ladder of their own, by id."""
    set: Annotated[dict[str, Any], BeforeValidator(forms.mapped), OrAs(type="null")] = {}
    """Other numbers, by their dotted path: logprobs.signals.one-token-probes.points: 5."""

    @model_validator(mode="after")
    def _somebody(self) -> TenantDocument:
        if not (self.principals or self.orgs or self.tiers):
            raise ValueError("name somebody in principals, orgs or tiers")
        return self


class WordDocument(Strict):
    """A word of a vocabulary."""

    id: Annotated[int, Field(ge=0)]
    """The token that is a space and this word."""
    count: Annotated[int, Field(ge=0)]
    """How often it stands in the reference, unmarked answers of the model."""


class VocabularyDocument(Named):
    """Common words of a tokenizer, of which `watermark` prefers some; `gateway mark vocabulary` makes it."""

    kind: Literal["vocabulary"]
    models: Annotated[list[str], Field(min_length=1)]
    """Names of the models with this tokenizer, as requests name them; `*` stands for any text."""
    words: Annotated[dict[str, WordDocument], Field(min_length=2)]
    """The words. A mark is found again only with the words that it was made with: keep the file."""


AnyDocument = (
    PolicyDocument
    | PatternsDocument
    | LadderDocument
    | ExemptionDocument
    | TenantDocument
    | VocabularyDocument
)
KINDS: Mapping[str, type[AnyDocument]] = {
    "policy": PolicyDocument,
    "patterns": PatternsDocument,
    "ladder": LadderDocument,
    "tenant": TenantDocument,
    "exemption": ExemptionDocument,
    "vocabulary": VocabularyDocument,
}
"""The kinds of documents that make a bundle."""

TESTS = "tests"
"""The kind of documents that promise something about a bundle and are no part of it."""

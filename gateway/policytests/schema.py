"""Documents of kind `tests` as pydantic models: which keys there are and which values they take.

What needs the bundle (is there such a rung, such a signal?) is checked in `gateway.policytests.references`;
what the keys do, in `traffic` and `expect`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from gateway.dialects.routes import resolve
from gateway.policies.forms import OrAs, Slug
from gateway.policies.schema import Strict
from gateway.policytests.checks import Check
from gateway.units import DURATION_FORM, Duration, duration
from gateway.words import quote, suggest

PLACEHOLDER = re.compile(r"\{(i|word|words)(?::([0-9]{1,4}))?\}")
"""`{i}`, `{word}`, `{words}`, `{words:40}`; any other braces are text, as prompts are full of JSON."""
_LOOKS_LIKE_ONE = re.compile(r"\{([a-z]{1,12})(?::[0-9]*)?\}")
MOST = 1_000_000
"""Requests of one stream of traffic: at some 10,000 a second, two minutes."""
END = "end"
NO_RUNG = "none"


def _template(value: str) -> str:
    for found in _LOOKS_LIKE_ONE.finditer(value):
        if not PLACEHOLDER.fullmatch(found[0]):
            near = suggest(found[1], ("i", "word", "words"))
            raise ValueError(f"unknown placeholder {quote(found[0])}{near}: use {{i}}, {{word}}, {{words}}")
    return value


def _route(value: str) -> str:
    if resolve("POST", value) is None:
        raise ValueError(f"no known route: {quote(value)}; write /v1/chat/completions")
    return value


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _by_name(value: object) -> object:
    """`[a, b]` is short for `{a: {}, b: {}}`, and a key without a value for an empty one."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {item: {} for item in value}
    if isinstance(value, dict):
        return {key: {} if item is None else item for key, item in value.items()}
    return value


def _when(value: object) -> object:
    return None if value == END else duration(value)


Names = Annotated[list[str], BeforeValidator(_one_or_more), Field(min_length=1), OrAs(type="string")]
When = Annotated[
    float | None, BeforeValidator(_when), WithJsonSchema({"anyOf": [{"const": END}, DURATION_FORM]})
]
_NAMES_FORM = OrAs(type="array", items={"type": "string"})
Template = Annotated[str, AfterValidator(_template)]
RoutePath = Annotated[str, AfterValidator(_route)]
Mode = Literal["enforce", "shadow"]


class ClientDocument(Strict):
    """Where somebody's requests come from; with placeholders, from many places."""

    ip: Template | None = None
    user_agent: Template | None = None


class PersonDocument(Strict):
    """Somebody who sends requests; what is left out comes from `defaults.principal`."""

    id: Annotated[str, Field(min_length=1)] | None = None
    kind: Literal["key", "header", "address"] = "key"
    org: str | None = None
    tier: str | None = None
    tags: list[str] = Field(default_factory=list)
    age_days: Annotated[float, Field(ge=0)] | None = None
    client: ClientDocument = ClientDocument()


class UsageDocument(Strict):
    """What an answer cost, in tokens; `logprob_tokens` default to all output where they are asked for."""

    input_tokens: Annotated[int, Field(ge=0)] = 0
    output_tokens: Annotated[int, Field(ge=0)] = 0
    reasoning_tokens: Annotated[int, Field(ge=0)] = 0
    logprob_tokens: Annotated[int, Field(ge=0)] | None = None


class DefaultsDocument(Strict):
    """What holds for all traffic of the document unless a stream says otherwise."""

    principal: PersonDocument = PersonDocument()
    usage: UsageDocument = UsageDocument()
    route: RoutePath = "/v1/chat/completions"
    request: dict[str, Any] = Field(default_factory=dict)


class TrafficDocument(Strict):
    """One stream of requests: generated (`every` with `for` or `times`), or recorded (`file`).

    `at` starts it later; `principals` sends it from so many clones; `pace: random` draws the gaps as if
    people or many users sent (Poisson), with `every` as their mean. `request` are keys of the body;
    `system`, and a number for `logit_bias` (so many random entries, others each time), are short forms.
    """

    every: Annotated[Duration, Field(gt=0)] | None = None
    length: Annotated[Duration, Field(gt=0)] | None = Field(default=None, alias="for")
    times: Annotated[int, Field(ge=1, le=MOST)] | None = None
    pace: Literal["steady", "random"] = "steady"
    at: Duration = 0.0
    sender: str | None = Field(default=None, alias="as")
    principals: Annotated[int, Field(ge=1, le=10_000)] = 1
    prompt: Template = "{words}"
    system: Template | None = None
    route: RoutePath | None = None
    request: dict[str, Any] = Field(default_factory=dict)
    usage: UsageDocument | None = None
    status: Annotated[int, Field(ge=100, le=599)] = 200
    label: Literal["benign", "extraction"] | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> TrafficDocument:
        if self.file is not None:
            if strange := self.model_fields_set - {"file", "at", "label"}:
                names = sorted(TrafficDocument.model_fields[name].alias or name for name in strange)
                raise ValueError(f"a 'file' brings its own {', '.join(names)}")
        elif self.every is None or (self.length is None) == (self.times is None):
            raise ValueError("write 'every' with either 'for' or 'times' (or 'file')")
        elif self.length is not None and self.length / self.every * self.principals > MOST:
            raise ValueError(f"more than {MOST:,} requests")
        return self


class FiredDocument(Strict):
    """Bounds on a signal at its strongest: value, observations, strength 0…1, points."""

    value: Check | None = None
    n: Check | None = None
    strength: Check | None = None
    points: Check | None = None


class ReachesDocument(Strict):
    """When a rung must be reached for the first time, after the sender's first request."""

    within: Duration | None = None
    not_before: Duration = 0.0


class ResponseDocument(Strict):
    """What the last request got: its status, our code, our delay, and responses that took part."""

    status: int | None = None
    code: str | None = None
    delay: Check | None = None
    applied: list[str] = Field(default_factory=list)
    would: list[str] = Field(default_factory=list)


class ExpectDocument(Strict):
    """Promises, at the end or at a time, about everybody in the case or those named in `who`.

    `rung`, `score` and `response` speak of the latest request by then; `fired`, `silent`, `never` and
    `reaches` of all requests up to then.
    """

    at: When = None
    who: Names | None = None
    rung: str | None = None
    score: Check | None = None
    fired: Annotated[dict[str, FiredDocument], BeforeValidator(_by_name), _NAMES_FORM] = Field(
        default_factory=dict
    )
    silent: Names | None = None
    never: Names | None = None
    reaches: Annotated[dict[str, ReachesDocument], BeforeValidator(_by_name), _NAMES_FORM] = Field(
        default_factory=dict
    )
    response: ResponseDocument | None = None

    @model_validator(mode="after")
    def _promises(self) -> ExpectDocument:
        if not self.model_fields_set - {"at", "who"}:
            raise ValueError("write a promise: rung, score, fired, silent, never, reaches or response")
        return self


class CaseDocument(Strict):
    """One story and what must come of it. `known_gap`: why it does not hold yet; it must fail, then.
    `tags: [smoke]`: it must pass before policies are put to use."""

    name: Annotated[str, Field(min_length=1)]
    known_gap: Annotated[str, Field(min_length=1)] | None = None
    as_mode: Mode | None = None
    tags: list[Slug] = Field(default_factory=list)
    traffic: Annotated[list[TrafficDocument], Field(min_length=1)]
    expect: Annotated[list[ExpectDocument], Field(min_length=1)]


class SuiteDocument(Strict):
    """Promises about how the policies treat traffic; no part of the bundle.

    Cases tagged `smoke`, or all of a document so tagged, must pass before policies are put to use.
    `policies` restricts the bundle to these. `as_mode: enforce` sees every policy as if fully enforced,
    so that a test does not change its meaning with a rollout; `shadow`: that nothing acts.
    """

    kind: Literal["tests"]
    title: Annotated[str, Field(min_length=1)]
    description: str = ""
    policies: Names | None = None
    tags: list[Slug] = Field(default_factory=list)
    as_mode: Mode = "enforce"
    seed: int = 1
    defaults: DefaultsDocument = DefaultsDocument()
    people: dict[Slug, PersonDocument] = Field(default_factory=dict)
    cases: Annotated[list[CaseDocument], Field(min_length=1)]

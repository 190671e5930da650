"""The nouns: what a call is, who sent it, what is counted, and what was decided.

Only frozen values live here, without behaviour beyond small derivations. Everything else imports this
module; it imports nothing of the gateway. Times are seconds (float, as given by the driver's clock),
sizes are bytes, token counts are tokens.

The values are msgspec structs, not dataclasses: a call makes some hundred of them, and a frozen dataclass
takes five to ten times as long to make (0.1 µs against 0.5 to 2 µs, measured).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import ClassVar, Literal, TypeAlias

from msgspec import Struct, field

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
"""A decoded JSON value."""

Role = Literal["system", "user", "tool", "assistant"]
Track = Literal["enforced", "shadow"]


class Mode(IntEnum):
    """How far something may go; the effective mode is the lowest of all that apply."""

    DISABLED = 0
    SHADOW = 1
    ENFORCE = 2


# --- who and what is asked -------------------------------------------------------------------------


class Principal(Struct, frozen=True):
    """Who is held to account: an API key (as a keyed hash), a trusted header, or a client address."""

    id: str
    kind: Literal["key", "header", "address"] = "key"
    org: str | None = None
    tier: str | None = None
    tags: tuple[str, ...] = ()
    since: float | None = None
    """When the account began (seconds since the epoch), if the mapping file says so."""


class Client(Struct, frozen=True):
    """Where the connection came from, after trusted proxies were walked through."""

    ip: str | None = None
    user_agent: str | None = None


class Route(Struct, frozen=True):
    """A known path: its wire API, its endpoint, and the canonical path that stands in records."""

    dialect: str
    endpoint: str
    path: str


class Turn(Struct, frozen=True):
    """One piece of the conversation: all text of one message under one role."""

    role: Role
    text: str


class Parameters(Struct, frozen=True):
    """The sampling request, under one name each, whatever the dialect or engine calls it.

    Where several aliases of a parameter stand in one body (`max_tokens` beside `n_predict`) the value
    here is the most generous one, because engines disagree on which alias wins.
    """

    max_tokens: int | None = None
    n: int = 1
    best_of: int = 1
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: int = 0
    logprobs: bool = False
    top_logprobs: int = 0
    prompt_logprobs: int = 0
    logit_bias: int = 0
    """Number of entries of the bias map."""
    bias_set: int = 0
    """64-bit hash of the bias map; 0 without one."""
    echo: bool = False
    grammar: bool = False
    """Output is forced into a grammar, schema, regex or choice (`guided_*`, `grammar`, `response_format`)."""
    tools: int = 0
    reasoning: bool = False
    batch: bool = False


class Call(Struct, frozen=True):
    """One request to a model, as the policies see it."""

    route: Route
    model: str | None = None
    stream: bool = False
    turns: tuple[Turn, ...] = ()
    """The conversation in wire order; the system prompt first where the dialect keeps it apart."""
    parameters: Parameters = Parameters()
    prompts: int = 1
    """Independent prompts in this one HTTP request (`prompt: [..]`, embedding inputs)."""
    messages: int = 0
    end_user: str | None = None
    """The dialect's end-user field, as sent; only its hash ever leaves the process."""
    size: int = 0
    """Bytes of the decoded body."""


class Usage(Struct, frozen=True):
    """What the answer cost. `estimated` where the server gave no figures and we counted what passed."""

    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    logprob_tokens: int = 0
    """Output tokens that were delivered with their log-probability."""
    estimated: bool = False


class Outcome(Struct, frozen=True):
    """How the call ended, as far as the driver saw it."""

    status: int | None = None
    usage: Usage | None = None
    finished: bool = True
    """False when the client left or the upstream broke off."""
    error: str | None = None
    """A slug: `client_gone`, `upstream_connect`, `upstream_timeout`, `upstream_closed`, …"""
    text: str = ""
    """What the answer said (`gateway.answers`), where a policy reads it; it stands in no record."""


# --- what is counted: a closed vocabulary of mergeable summaries -------------------------------------


class Op(Struct, frozen=True, gc=False):
    """One operation on the store; `key` is the counter's fingerprint. Whose state it is, the batch says."""

    elsewhere: ClassVar[bool] = False
    """True where more than the scope's own summaries is concerned (`Clear`, and `gateway.campaigns`)"""
    key: str

    def nothing(self) -> Reading | None:
        """The answer where nothing was ever written, so that reading creates no state; None: it writes."""
        return None


class Sum(Op, frozen=True):
    """Windowed sums of a vector, in `slices` time slices; all-zero `amounts` only read.

    Reading: `values` = the sums, then the number of non-empty slices. Merges by addition per slice.
    """

    over: float
    amounts: tuple[float, ...]
    slices: int = 12

    def nothing(self) -> Reading | None:
        return None if any(self.amounts) else Reading((0.0,) * (len(self.amounts) + 1))


class Distinct(Op, frozen=True):
    """Windowed distinct count of 64-bit items (bottom-k sketch, about 13 % standard error above 64).

    Reading, of an operation without items: `values` = (estimate,). Merges by union.
    """

    over: float
    items: tuple[int, ...] = ()

    def nothing(self) -> Reading | None:
        return None if self.items else Reading((0.0,))


class Gap(Op, frozen=True):
    """Windowed statistics of the time between arrivals; `arrive` False only reads.

    Reading: `values` = (gaps, mean seconds, coefficient of variation). Merges by addition and maximum.
    """

    over: float
    arrive: bool = False

    def nothing(self) -> Reading | None:
        return None if self.arrive else Reading((0.0, 0.0, 0.0))


class Recent(Op, frozen=True):
    """The last `keep` items of `size` bytes each, newest last; `data` is items end to end, empty to read.

    `unique` (for items of 8 bytes): one that comes again moves to the end. Reading: `data` = the items
    kept before this operation. Merges by recency.
    """

    keep: int
    size: int
    unique: bool = False
    data: bytes = b""

    def nothing(self) -> Reading | None:
        return None if self.data else Reading()


class Peaks(Op, frozen=True):
    """Maxima that fade by half every `half_life` seconds, each by itself; zeros only read.

    Reading: `values` = the faded maxima, including these. Merges by maximum.
    """

    half_life: float
    points: tuple[float, ...]

    def nothing(self) -> Reading | None:
        return None if any(self.points) else Reading(self.points)


class Register(Op, frozen=True):
    """A small vector that the last writer owns; None only reads.

    Reading: `values` = what stood there before (empty at first). Merges by latest write.
    """

    values: tuple[float, ...] | None = None

    def nothing(self) -> Reading | None:
        return None if self.values is not None else Reading()


class Take(Op, frozen=True):
    """One token from a bucket that refills one token per `interval` seconds up to `burst` (GCRA).

    Reading: `values` = (1 granted | 0 refused, seconds until one is free). Merges by maximum.
    """

    interval: float
    burst: int


class Clear(Op, frozen=True):
    """Drop all that is kept of the scope, but for the summaries that `keep` names.

    Reading: empty. Nothing to merge: whoever keeps state of the scope is told.
    """

    elsewhere: ClassVar[bool] = True
    keep: tuple[str, ...] = ()


class Reading(Struct, frozen=True, gc=False):
    """What the store answered to one operation; which part is filled, the operation's docstring says."""

    values: tuple[float, ...] = ()
    data: bytes = b""


class Reads(tuple[Op, ...]):
    """Operations that only read, put together once and carried out for every call."""

    asked: tuple[tuple[Op, str, Reading | None], ...]
    """Each with its key and what it answers where nothing was ever written; no key and no answer, where that
    is not the scope's to say."""

    def __new__(cls, ops: Iterable[Op]) -> Reads:
        """Raises ValueError if one of `ops` writes."""
        made = super().__new__(cls, ops)
        made.asked = tuple((op, "", None) if op.elsewhere else (op, op.key, op.nothing()) for op in made)
        if any(key and nothing is None for _, key, nothing in made.asked):
            raise ValueError("an operation that writes among reads")
        return made


Batch: TypeAlias = tuple[str, Sequence[Op]]
"""Operations on the state of one scope (a principal's id, or `org:` and an organisation)."""


# --- what was found and decided ----------------------------------------------------------------------


class Measure(Struct, frozen=True, gc=False):
    """A signal's number: `value`, and the `n` observations behind it."""

    value: float
    n: int = 1
    campaign: str | None = None
    """The campaign that it speaks of."""
    note: str = ""
    """Words of the detector's own, beside those of the policy."""


class SignalScore(Struct, frozen=True, gc=False):
    """One signal on one call: value → strength 0…1 → points."""

    id: str
    value: float
    n: int
    strength: float
    points: float
    mode: Mode
    text: str
    warming: float | None = None
    """Share of its window that was seen so far, where that is less than the whole."""
    exemption: str | None = None
    """The exemption that softened it, with the points that this took off."""
    exempted: float = 0.0
    definition: str = ""
    """Fingerprint of how the number came about."""
    campaign: str | None = None
    """The campaign that it speaks of."""


class PolicyScore(Struct, frozen=True, gc=False):
    """One policy: points of this call, and the fading peak on both tracks."""

    id: str
    mode: Mode
    now: float
    enforced: float
    shadow: float


class Standing(Struct, frozen=True):
    """Where a principal stands on one track: the score, and the rung it leads to."""

    score: float = 0.0
    rung: str | None = None
    actions: tuple[str, ...] = ()
    held: bool = False
    """Whether people have said so for a while, whatever the score says (`gateway.intervention`)."""


class Tally(Struct, frozen=True):
    """An exemption that held for this call, and the points that it took off this call's shadow score."""

    id: str
    points: float


class Trial(Struct, frozen=True):
    """Where a candidate bundle, which never acts, would have put the principal."""

    bundle: str
    score: float
    rung: str | None


class Refusal(Struct, frozen=True):
    """An answer of ours in place of the model's. `retry_after` in seconds, at most 120, or None."""

    status: int
    code: str
    message: str
    retry_after: float | None = None


class Decision(Struct, frozen=True):
    """The outcome of scoring one call. `refusal`, `delay`, `edits` are empty on the shadow track."""

    id: str
    bundle: str
    enforced: Standing = Standing()
    shadow: Standing = Standing()
    signals: tuple[SignalScore, ...] = ()
    policies: tuple[PolicyScore, ...] = ()
    delay: float = 0.0
    refusal: Refusal | None = None
    would: tuple[str, ...] = ()
    """What the shadow track would have done to this call: `limit`, `reject`, `delay`, `cap`, …"""
    applied: tuple[str, ...] = ()
    """What the enforced track does to this call."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Signals that could not run, and why: signal id → error class."""
    tenant: str | None = None
    exemptions: tuple[Tally, ...] = ()
    campaign: str | None = None
    """The campaign that a signal of the active bundle put the principal in."""
    candidate: Trial | None = None
    """None where there is no candidate bundle, or the call ended before it was asked."""

"""What every source of recorded traffic becomes: a `Line`, and what a source cannot tell.

A reader maps one format into lines and declares in `Gives` what the format can hold. What one line
lacks stands in the line itself, so that a converted file says as much as its source did. Nothing is
read from disk here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any, ClassVar, Literal

import msgspec

from gateway.fields import FIELDS
from gateway.identity import Identifier
from gateway.model import Call, Parameters, Route, Turn
from gateway.words import quote, suggest

ABSENT = msgspec.Raw(b"null")
"""No body. This very object is left out of lines that are written."""

# --- what a line lacks ---------------------------------------------------------------------------------

_HEAD = frozenset({"request.endpoint", "request.dialect", "request.route", "request.model", "request.bytes"})
"""What even an access log may tell of a request."""

ASPECTS: Mapping[str, frozenset[str]] = {
    "prompt": frozenset(name for name in FIELDS if name.startswith("prompt.")),
    "parameters": frozenset(name for name in FIELDS if name.startswith("request.")) - _HEAD,
    "usage": frozenset(name for name in FIELDS if name.startswith("usage.")),
    "answer": frozenset({"response.text"}),
    "identity": frozenset(name for name in FIELDS if name.startswith("principal.")),
    "account": frozenset({"principal.org", "principal.tier", "principal.tags"}),
    "client": frozenset(name for name in FIELDS if name.startswith("client.")),
    "probabilities": frozenset(
        {
            "request.logprobs",
            "request.top_logprobs",
            "request.prompt_logprobs",
            "request.logit_bias",
            "request.best_of",
            "request.echo",
            "usage.logprob_tokens",
        }
    ),
}
"""Groups of fields that a source has or lacks together. `lacks` may also name single fields."""


def lacking_fields(lacks: Iterable[str]) -> frozenset[str]:
    """The fields that these aspects and single fields mean, with what cannot be told without them."""
    found = frozenset().union(*(ASPECTS.get(name, frozenset({name})) for name in lacks))
    return found | {name for name, field in FIELDS.items() if not found.isdisjoint(field.told_by)}


Form = tuple[tuple[str, ...], bool]
"""What a line lacks, and whether it carries recorded values of signals."""

Given = Literal["yes", "part", "no"]
"""Whether a source tells something: always, for some lines or in part, never."""


@dataclass(frozen=True, slots=True)
class Gives:
    """What a format can hold, at best; `note` says when and how."""

    prompt: Given
    parameters: Given
    usage: Given
    identity: Given
    timing: Given
    note: str


# --- one recorded request ------------------------------------------------------------------------------


class Features(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request that is known without its body, in the words of decision records.

    `parameters` are those of `gateway.model.Parameters` that differ from its defaults.
    """

    dialect: str
    endpoint: str
    model: str | None = None
    stream: bool = False
    size: int = 0
    messages: int = 0
    prompts: int = 1
    parameters: dict[str, Any] = {}
    turns: tuple[Turn, ...] = ()
    end_user: str | None = None

    def __post_init__(self) -> None:
        msgspec.convert(self.parameters, Parameters)

    def call(self, path: str) -> Call:
        """The call as a dialect would have read it."""
        return Call(
            route=Route(self.dialect, self.endpoint, path),
            model=self.model,
            stream=self.stream,
            turns=self.turns,
            parameters=msgspec.convert(self.parameters, Parameters),
            prompts=self.prompts,
            messages=self.messages,
            end_user=self.end_user,
            size=self.size,
        )


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a signal measured when the request was live, and the fingerprint of how it did."""

    value: float
    n: int = 1
    definition: str | None = None


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One recorded request. `request` and `response` are the bodies' bytes as they stand in the file."""

    ts: float
    principal: str
    request: msgspec.Raw = ABSENT
    """Needed, unless `features` tell what it asked."""
    kind: Literal["key", "header", "address"] = "key"
    """With `tier`, `tags` and `since`: what policies may ask of the principal."""
    org: str | None = None
    tier: str | None = None
    tags: tuple[str, ...] = ()
    since: float | None = None
    ip: str | None = None
    ua: str | None = None
    truth: str | None = None
    route: str = "/v1/chat/completions"
    usage: dict[str, Any] | None = None
    status: int | None = 200
    response: msgspec.Raw = ABSENT
    method: str = "POST"
    features: Features | None = None
    signals: dict[str, Value] | None = None
    """Recorded values by `policy.signal`, from decision records."""
    lacks: tuple[str, ...] = ()
    """Aspects and fields that the source did not tell; signals that need them are not evaluated."""

    def __post_init__(self) -> None:
        if self.features is None and bytes(self.request) == b"null":
            raise ValueError("missing required field `request`")
        if unknown := [name for name in self.lacks if name not in ASPECTS and name not in FIELDS]:
            raise ValueError(f"{quote(unknown[0])} is no field{suggest(unknown[0], [*ASPECTS, *FIELDS])}")

    @property
    def form(self) -> Form:
        """What decides how this line can be scored."""
        lacks = self.lacks
        # Who was refused, or met an error, got no answer that could be lacking.
        if self.answer is None and (self.status is None or self.status < 300) and "answer" not in lacks:
            lacks = (*lacks, "answer")
        return lacks, self.signals is not None

    @property
    def weight(self) -> int:
        """About how many bytes the line takes in memory."""
        turns = self.features.turns if self.features else ()
        return 1000 + len(bytes(self.request)) + len(bytes(self.response)) + sum(len(t.text) for t in turns)

    @property
    def answer(self) -> bytes | None:
        """The recorded answer, if there is one."""
        found = bytes(self.response)
        return None if found == b"null" else found


# --- readers -------------------------------------------------------------------------------------------

Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Settings:
    """What readers may need to know beside the file."""

    identifier: Callable[[], Identifier]
    """Names principals by keyed hashes; asked for only by sources that hold keys and addresses."""
    names: Names = field(default_factory=dict)
    """Keys of access logs that come before the usual ones, by what they hold."""


class Reader:
    """Base of all readers, one per format; an instance reads with one set of `settings`."""

    name: ClassVar[str]
    title: ClassVar[str]
    """What one item is, for messages: `not a {title}: …`."""
    gives: ClassVar[Gives]

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @staticmethod
    def knows(head: bytes, first: object) -> bool:
        """Whether a file is of this format; `head` are its first bytes, `first` its first JSON value."""
        raise NotImplementedError

    def items(self, file: IO[bytes]) -> Iterator[tuple[int, Any]]:
        """The items of a file, with the line on which each begins (0: not known). Raises ValueError."""
        raise NotImplementedError

    def lines(self, item: Any) -> Iterable[Line]:
        """The requests in one item: none for what is no request to a model. Raises ValueError."""
        raise NotImplementedError


# --- shared by readers ---------------------------------------------------------------------------------


def moment(value: object) -> float:
    """Seconds since the epoch of a number (s, ms, µs or ns), an ISO 8601 text or nginx's local time.

    Without an offset a text is UTC. Raises ValueError.
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _written(str(value).strip())
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e21:
        raise ValueError(f"not a time: {str(value)[:40]!r}")
    # Seconds stay below 1e11 until the year 5138, and milliseconds below 1e14, and so on.
    for limit, scale in ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6)):
        if value < limit:
            return value / scale
    return value / 1e9


def _written(text: str) -> float:
    for read in (datetime.fromisoformat, _nginx):
        try:
            found = read(text)
        except ValueError:
            continue
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    raise ValueError(f"not a time: {text[:40]!r}")


def _nginx(text: str) -> datetime:
    return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z")


def record(value: object, what: str) -> dict[str, Any]:
    """`value` as a JSON object; {} for none. Raises ValueError."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise ValueError(f"{what} is no object")


def word(value: object) -> str | None:
    """`value` if it is text that says something."""
    return value if isinstance(value, str) and value not in ("", "-") else None


def tokens(*, input: object, output: object, reasoning: object = None) -> dict[str, Any] | None:  # noqa: A002
    """Recorded token counts under the names of our records; None where neither count is there."""
    counts = [_count(value) for value in (input, output, reasoning)]
    if counts[0] is None and counts[1] is None:
        return None
    names = ("input_tokens", "output_tokens", "reasoning_tokens")
    return {name: count for name, count in zip(names, counts, strict=True) if count is not None}


def _count(value: object) -> int | None:
    """OTLP writes 64-bit integers as text, and so do some log formats."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

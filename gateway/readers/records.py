"""Our own decision records as an input: what was asked by its features, and what each signal measured.

`record.content` decides how much a record holds: `plain` everything, `features` all but the prompt,
`none` neither parameters nor client. Whatever was recorded of a signal stands beside, so that ramps,
points and modes can be tried anew where the prompt is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any, Literal

import msgspec

from gateway.model import Turn
from gateway.readers.base import ABSENT, Features, Gives, Line, Reader, Value
from gateway.readers.values import values

_UNREADABLE = msgspec.Raw(b'"unreadable"')


class _Features(msgspec.Struct):
    """As `gateway.records` writes them."""

    size: int = 0
    messages: int = 0
    prompts: int = 1
    parameters: dict[str, Any] = {}


class _Client(msgspec.Struct):
    ip: str | None = None
    user_agent: str | None = None


class _Signal(msgspec.Struct):
    id: str
    value: float
    n: int = 1
    definition: str | None = None


class _Record(msgspec.Struct):
    """The part of a decision record that replay can use."""

    ts: float
    principal: str
    signals: list[_Signal]
    kind: Literal["key", "header", "address"] | None = None
    org: str | None = None
    tier: str | None = None
    end_user: str | None = None
    route: str | None = None
    dialect: str | None = None
    endpoint: str | None = None
    model: str | None = None
    stream: bool = False
    status: int | None = None
    usage: dict[str, Any] | None = None
    client: _Client | None = None
    features: _Features | None = None
    prompt: list[Turn] | None = None
    unscored: str | None = None

    @property
    def unreadable(self) -> bool:
        """No dialect could read the request, for a reason that lies in the request."""
        return self.unscored not in (None, "no_policies", "engine_error")


class Records(Reader):
    """One item is a record."""

    name = "records"
    title = "decision record"
    gives = Gives(
        "part",
        "part",
        "yes",
        "yes",
        "yes",
        "by `record.content`: `plain` all, `features` no prompt text, `none` neither prompt nor parameters; "
        "tags are not recorded; recorded signal values are frozen",
    )

    @staticmethod
    def knows(head: bytes, first: object) -> bool:
        """Both standings stand in every record, and in nothing else."""
        return isinstance(first, dict) and {"enforced", "shadow", "principal", "bundle"} <= first.keys()

    def items(self, file: IO[bytes]) -> Iterator[tuple[int, Any]]:
        """One record a line."""
        return values(file)

    def lines(self, item: Any) -> Iterable[Line]:
        """The recorded call."""
        found = msgspec.convert(item, _Record)
        client = found.client or _Client()
        yield Line(
            ts=found.ts,
            principal=found.principal,
            kind=found.kind or "key",
            org=found.org,
            tier=found.tier,
            ip=client.ip,
            ua=client.user_agent,
            route=found.route or "/",
            usage=found.usage,
            status=found.status,
            # A string, which replay cannot read either.
            request=_UNREADABLE if found.unreadable else ABSENT,
            features=None if found.unreadable else _asked(found),
            signals={signal.id: Value(signal.value, signal.n, signal.definition) for signal in found.signals},
            lacks=tuple(_lacks(found)),
        )


def _asked(found: _Record) -> Features:
    told = found.features or _Features()
    return Features(
        dialect=found.dialect or "",
        endpoint=found.endpoint or "",
        model=found.model,
        stream=found.stream,
        size=told.size,
        messages=told.messages,
        prompts=told.prompts,
        parameters=told.parameters,
        turns=tuple(found.prompt or ()),
        end_user=found.end_user,
    )


def _lacks(found: _Record) -> Iterator[str]:
    yield "principal.tags"
    if found.prompt is None and not found.unreadable:
        yield "prompt"
    if found.features is None and not found.unreadable:
        yield from ("parameters", "request.bytes")
    if found.client is None:
        yield "client"

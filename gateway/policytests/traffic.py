"""From the streams of a case to recorded lines on a logical clock; equal documents give equal lines.

The week begins on a Monday at midnight (UTC). Randomness comes from the document's `seed`, the case's name
and the stream's number, so that adding a stream leaves the others as they are.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Mapping
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gateway.dialects.routes import resolve
from gateway.policytests.schema import ClientDocument, PersonDocument, TrafficDocument
from gateway.policytests.suites import Case
from gateway.policytests.words import fill, fill_all
from gateway.traffic import Line, merged, survey

BEGIN = 1_767_571_200.0
"""2026-01-05 00:00 UTC, a Monday."""
ANYBODY = "somebody"
"""Who sends where a stream names nobody."""
_DAY = 86_400.0
_VOCABULARY = 50_000
"""Token ids of generated bias maps."""


class Sent(NamedTuple):
    """One request, and which stream (and clone) of its case it belongs to."""

    line: Line
    stream: tuple[int, int]


def senders(case: Case) -> dict[str, list[str]]:
    """Principal ids by the name under which `who` knows them (streams from files aside)."""
    found: dict[str, list[str]] = {}
    for stream in case.document.traffic:
        if stream.file is None:
            ids = found.setdefault(stream.sender or ANYBODY, [])
            ids.extend(name for name in _ids(case, stream) if name not in ids)
    return found


def sent(case: Case, *, rate: int = 1) -> Iterator[Sent]:
    """The case's requests in order of time; `rate` 2 sends every stream twice as fast and as many.

    Raises ConfigError for a fixture that cannot be read.
    """
    streams = [
        stream
        for index, document in enumerate(case.document.traffic)
        for stream in (
            [_recorded(case, document, index)] if document.file else _generated(case, document, index, rate)
        )
    ]
    return heapq.merge(*streams, key=lambda one: (one.line.ts, one.stream))


def labels(case: Case) -> Mapping[str, str]:
    """The label of each principal that has one; `extraction` wins."""
    found: dict[str, str] = {}
    for stream in case.document.traffic:
        if stream.label is not None and stream.file is None:
            for name in _ids(case, stream):
                if found.get(name) != "extraction":
                    found[name] = stream.label
    return found


# --- recorded ------------------------------------------------------------------------------------------


def _recorded(case: Case, document: TrafficDocument, index: int) -> Iterator[Sent]:
    """The lines of a fixture, moved so that the first comes at `at`."""
    assert document.file is not None
    offset: float | None = None
    for line in merged(survey([Path(case.suite.folder / document.file)])):
        offset = BEGIN + document.at - line.ts if offset is None else offset
        truth = document.label or line.truth
        yield Sent(msgspec.structs.replace(line, ts=line.ts + offset, truth=truth), (index, 0))


# --- generated -----------------------------------------------------------------------------------------


def _person(case: Case, document: TrafficDocument) -> tuple[str, dict[str, Any]]:
    """(id, everything else) of who sends: what the person leaves open comes from the defaults."""
    model = case.suite.model
    default = model.defaults.principal
    person = model.people.get(document.sender or "", PersonDocument())
    said = {name: getattr(default, name) for name in PersonDocument.model_fields}
    said |= {name: getattr(person, name) for name in person.model_fields_set}
    return said.pop("id") or document.sender or ANYBODY, said


def _ids(case: Case, document: TrafficDocument) -> list[str]:
    name, _ = _person(case, document)
    if document.principals == 1:
        return [name]
    return [f"{name}-{clone}" for clone in range(1, document.principals + 1)]


def _generated(case: Case, document: TrafficDocument, index: int, rate: int) -> list[Iterator[Sent]]:
    """One stream for each clone; their starts are spread over one interval."""
    return [
        _stream(case, document, (index, clone), name, rate) for clone, name in enumerate(_ids(case, document))
    ]


def _stream(
    case: Case, document: TrafficDocument, which: tuple[int, int], name: str, rate: int
) -> Iterator[Sent]:
    source = random.Random(f"{case.suite.model.seed}/{case.name}/{which}")  # noqa: S311  not a secret
    who, client = _facts(case, document)
    defaults = case.suite.model.defaults
    route = document.route or defaults.route
    template = {**defaults.request, **document.request}
    usage = (document.usage or defaults.usage).model_dump(exclude_none=True)
    for number, ts in enumerate(_times(document, which[1], rate, source), 1):
        body = _body(document, template, route, number, source)
        line = Line(
            ts=BEGIN + ts,
            principal=name,
            request=msgspec.Raw(msgspec.json.encode(body)),
            route=route,
            usage=usage,
            status=document.status,
            truth=document.label,
            ip=fill(client.ip, number, source) if client.ip else None,
            ua=fill(client.user_agent, number, source) if client.user_agent else None,
            **who,
        )
        yield Sent(line, which)


def _facts(case: Case, document: TrafficDocument) -> tuple[dict[str, Any], ClientDocument]:
    """What a line says of the principal, and where its requests come from."""
    _, said = _person(case, document)
    age = said["age_days"]
    who = {
        "kind": said["kind"],
        "org": said["org"],
        "tier": said["tier"],
        "tags": tuple(said["tags"]),
        "since": None if age is None else BEGIN - age * _DAY,
    }
    return who, said["client"]


def _times(document: TrafficDocument, clone: int, rate: int, source: random.Random) -> Iterator[float]:
    """Seconds from the beginning, rising."""
    assert document.every is not None
    gap = document.every / rate
    start = document.at + gap * clone / document.principals
    if document.times is not None:
        yield from islice(_ticks(start, gap, document, source), document.times * rate)
    else:
        end = document.at + (document.length or 0.0)
        yield from takewhile(lambda ts: ts < end, _ticks(start, gap, document, source))


def _ticks(start: float, gap: float, document: TrafficDocument, source: random.Random) -> Iterator[float]:
    number, ts = 0, start
    while True:
        yield ts
        number += 1
        ts = start + gap * number if document.pace == "steady" else ts + source.expovariate(1 / gap)


def _body(
    document: TrafficDocument, template: dict[str, Any], route: str, number: int, source: random.Random
) -> dict[str, Any]:
    """A request body of the route's wire API; the keys of `request` win over what is made here."""
    prompt = fill(document.prompt, number, source)
    extra = fill_all(template, number, source)
    system = fill(document.system, number, source) if document.system else extra.pop("system", None)
    if isinstance(many := extra.get("logit_bias"), int):
        extra["logit_bias"] = {str(token): 100 for token in source.sample(range(_VOCABULARY), many)}
    known = resolve("POST", route)
    assert known is not None  # the schema refuses other routes
    key, apart = _SHAPES.get((known.dialect, known.endpoint), _SHAPES[known.endpoint])
    told: Any = [{"role": "user", "content": prompt}] if key == "messages" else prompt
    body: dict[str, Any] = {"model": "test-model", key: told}
    if system is not None and apart is not None:
        body[apart] = system
    elif system is not None:
        told.insert(0, {"role": "system", "content": system})
    return {**body, **extra}


_SHAPES: dict[Any, tuple[str, str | None]] = {
    "chat": ("messages", None),
    "messages": ("messages", "system"),
    "completions": ("prompt", "system"),
    "responses": ("input", "instructions"),
    "embeddings": ("input", "instructions"),
    ("openai_responses", "count_tokens"): ("input", "instructions"),
    "count_tokens": ("messages", "system"),
}
"""Endpoint (or dialect and endpoint) → keys of the prompt, and of a system prompt that stands apart."""

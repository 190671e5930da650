"""Decisions as reports read them: the lines of decision records, from files or straight from a replay.

Both come through the same JSON form, so that a report over a replay and one over a log cannot differ in
meaning. Keys that a report has no use for are passed over; keys that an older log lacks have a neutral
value. What a line means is the business of `gateway.evaluation.cases`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from gateway.errors import ConfigError, Place
from gateway.model import Usage
from gateway.records import Record, to_json
from gateway.traffic import numbered_lines


class Stand(msgspec.Struct, frozen=True):
    """Where a principal stood on one track."""

    score: float = 0.0
    rung: str | None = None


class Mark(msgspec.Struct, frozen=True):
    """A signal that was read; an exempted one may stand there without points."""

    id: str
    value: float = 0.0
    points: float = 0.0
    text: str = ""
    warming: bool | float | None = None


class PolicyMark(msgspec.Struct, frozen=True):
    """A policy's peaks."""

    id: str
    enforced: float = 0.0
    shadow: float = 0.0


class Forgiven(msgspec.Struct, frozen=True):
    """Points that an exemption took away."""

    id: str
    points: float


class Entry(msgspec.Struct, frozen=True):
    """One decision."""

    ts: float
    id: str
    principal: str
    enforced: Stand
    shadow: Stand
    bundle: str | None = None
    org: str | None = None
    tier: str | None = None
    usage: Usage | None = None
    candidate: Stand | None = None
    signals: tuple[Mark, ...] = ()
    policies: tuple[PolicyMark, ...] = ()
    applied: tuple[str, ...] = ()
    would: tuple[str, ...] = ()
    exemptions: tuple[Forgiven, ...] = ()
    unscored: str | None = None


_decode = msgspec.json.Decoder(Entry).decode


def entry_of(record: Record) -> Entry:
    """The entry of a record that was never written."""
    return _decode(to_json(record, "none"))


def entries(files: Sequence[Path], tick: Callable[[int], None] = lambda done: None) -> Iterator[Entry]:
    """All decisions of these files, by time as far as each file is in order. Raises ConfigError.

    A log is written as calls end, so its neighbours may be a few seconds out of order; no report minds.
    """
    streams = [_file(file) for file in files]
    done = 0
    for done, entry in enumerate(heapq.merge(*streams, key=lambda found: found.ts), 1):
        if done % 1000 == 0:
            tick(1000)
        yield entry
    tick(done % 1000)


def _file(file: Path) -> Iterator[Entry]:
    for number, line in numbered_lines(file):
        try:
            entry = _decode(line)
        except (ValueError, RecursionError) as error:
            place = Place(str(file), number, 1)
            advice = " (recorded traffic is for gateway replay, whose --records can be read here)"
            traffic = b'"request":' in line and b'"signals"' not in line
            raise ConfigError.at(place, f"not a decision record: {error}{advice * traffic}") from error
        yield entry

"""The offline driver: recorded traffic through the same exchange, under the recorded clock.

Behaviour is held fixed: a recorded client does not slow down because it would have been throttled. A
refused call, though, got no answer, so its recorded usage does not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import msgspec

from gateway import dialects
from gateway.dialects.shapes import count
from gateway.evaluable import Tray, narrowed
from gateway.exchange import Answer, Exchange, Head
from gateway.gate import Gate, Headers
from gateway.model import JSON, Call, Client, Outcome, Principal, SignalScore, Track, Usage
from gateway.readers.base import Form
from gateway.records import Record
from gateway.traffic import Line

TRACKS: tuple[Track, Track] = ("enforced", "shadow")
_JSON_ANSWER = [(b"content-type", b"application/json")]
_READERS = ("openai_chat", "openai_responses", "anthropic", "ollama", "llamacpp")
"""Dialects that are asked in turn for recorded usage, after the route's own."""


def _usage(recorded: dict[str, Any], call: Call) -> Usage | None:
    """Recorded token counts under any dialect's names, or under those of our records; None: unreadable."""
    message = recorded | {"usage": recorded}
    readings = (dialects.get(name).usage(message) for name in (call.route.dialect, *_READERS))
    found = next((usage for usage in readings if usage is not None), None)
    if found is None:
        return None
    # The last three stand in our own records, at the top.
    told = {name: count(recorded.get(name)) for name in ("reasoning_tokens", "logprob_tokens")}
    shown = found.output_tokens if call.parameters.logprobs else 0
    return msgspec.structs.replace(
        found,
        reasoning_tokens=found.reasoning_tokens or told["reasoning_tokens"] or 0,
        logprob_tokens=shown if told["logprob_tokens"] is None else told["logprob_tokens"],
        estimated=recorded.get("estimated") is True,
    )


class Player:
    """Replays lines through one gate, each under the signals that it can tell anything about."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._tray = Tray()
        self._narrowed: dict[Form, Gate] = {}

    def play(self, line: Line, number: int) -> Record:
        """Drive one recorded request through the exchange; `number` makes its decision id."""
        gate = self._gate
        form = line.form
        if form[0] and gate.bundle is not None:
            if form not in self._narrowed:
                self._narrowed[form] = replace(gate, bundle=narrowed(gate.bundle, form, self._tray))
            gate = self._narrowed[form]
            self._tray.values = line.signals or {}
        return _played(gate, line, number)


def _played(gate: Gate, line: Line, number: int) -> Record:
    head = Head(line.method, line.route.encode(), [])
    principal = Principal(line.principal, line.kind, line.org, line.tier, line.tags, line.since)
    who = (principal, Client(line.ip, line.ua))
    call = None if line.features is None else line.features.call(line.route)
    exchange = Exchange(gate, head, f"replay-{number}", line.ts, as_principal=who, as_call=call)
    if exchange.route is None:
        exchange.identify()
        return exchange.finish(Outcome(line.status), line.ts)
    verdict = exchange.judge(bytes(line.request), line.ts)
    exchange.forwarded(line.ts)
    if isinstance(verdict, Answer):
        return exchange.finish(Outcome(verdict.status), line.ts)
    answer = line.answer
    if answer is not None:
        exchange.respond(line.status or 200, _JSON_ANSWER)
        exchange.observe(answer)
    usage = None
    if line.usage is not None and exchange.call is not None:
        usage = _usage(line.usage, exchange.call)
    return exchange.finish(Outcome(line.status, usage), line.ts)


class Nobody:
    """Replay names its principals itself and never asks."""

    def principal(
        self, headers: Headers, peer_ip: str | None, end_user: str | None
    ) -> tuple[Principal, Client]:
        """Never called: every recorded line carries its principal."""
        raise AssertionError("replay asked who sent a recorded line")

    def end_user(self, text: str) -> str:
        """A keyless hash: offline there is no secret, and records stay comparable between runs."""
        return f"eu_{blake2b(text.encode('utf-8', 'replace'), digest_size=10).hexdigest()}"


@dataclass(slots=True)
class _Account:
    """What the report says of one principal."""

    requests: int = 0
    truths: Counter[str] = field(default_factory=Counter)
    peak: dict[Track, float] = field(default_factory=lambda: dict.fromkeys(TRACKS, 0.0))
    rungs: dict[Track, dict[str, dict[str, JSON]]] = field(default_factory=lambda: {t: {} for t in TRACKS})
    signals: tuple[SignalScore, ...] = ()
    """Those of the call with the highest score."""
    campaign: str | None = None
    """The last one that it was found in."""

    def truth(self) -> str | None:
        """One label: an attack's over a benign one, then the commonest."""
        ranked = sorted(
            self.truths, key=lambda name: (not name.startswith("attack"), -self.truths[name], name)
        )
        return ranked[0] if ranked else None


class Report:
    """Accumulates records into the stable JSON report (docs/replay.md)."""

    def __init__(self, bundle: str, rungs: tuple[str, ...]) -> None:
        self._bundle, self._order = bundle, rungs
        self._accounts: dict[str, _Account] = {}
        self._at: dict[Track, Counter[str]] = {track: Counter() for track in TRACKS}

    def add(self, record: Record, truth: str | None) -> None:
        """One more record, in order of time."""
        account = self._accounts.setdefault(record.principal, _Account())
        account.requests += 1
        if truth is not None:
            account.truths[truth] += 1
        account.campaign = record.campaign or account.campaign
        for track in TRACKS:
            standing = getattr(record, track)
            if track == "shadow" and standing.score > account.peak[track]:
                account.signals = record.signals
            account.peak[track] = max(account.peak[track], standing.score)
            if standing.rung is not None:
                self._climbed(account, track, standing.rung, record.ts)

    def _climbed(self, account: _Account, track: Track, rung: str, ts: float) -> None:
        # A rung includes those below it, so they are reached with it.
        for name in self._order[: self._order.index(rung) + 1]:
            self._at[track][name] += 1
            account.rungs[track].setdefault(name, {"first_request": account.requests, "ts": ts})

    def truths(self) -> dict[str, str]:
        """The label of every principal that the recording gives one."""
        found = {name: account.truth() for name, account in self._accounts.items()}
        return {name: truth for name, truth in found.items() if truth is not None}

    def document(self, seconds: float) -> dict[str, JSON]:
        """The whole report; equal input and bundle give an equal one, but for `seconds`."""
        principals: dict[str, JSON] = {
            name: {
                "requests": account.requests,
                "truth": account.truth(),
                "peak": {track: round(account.peak[track], 3) for track in TRACKS},
                "rungs": {track: dict(account.rungs[track]) for track in TRACKS},
                "campaign": account.campaign,
                "reasons": _reasons(account.signals),
            }
            for name, account in sorted(self._accounts.items())
        }
        return {
            "bundle": self._bundle,
            "requests": sum(account.requests for account in self._accounts.values()),
            "seconds": round(seconds, 3),
            "principals": principals,
            "rungs": {name: self._counts(name) for name in self._order},
        }

    def _counts(self, rung: str) -> JSON:
        return {
            track: {
                "principals": sum(rung in account.rungs[track] for account in self._accounts.values()),
                "requests": self._at[track][rung],
            }
            for track in TRACKS
        }


def _reasons(signals: Sequence[SignalScore]) -> list[JSON]:
    scored = sorted((s for s in signals if s.points > 0), key=lambda s: (-s.points, s.id))
    return [
        {"signal": s.id, "value": round(s.value, 6), "points": round(s.points, 3), "text": s.text}
        for s in scored[:5]
    ]


def replay(
    gate: Gate,
    lines: Iterable[Line],
    *,
    sink: Callable[[Record], None] = lambda record: None,
    tick: Callable[[int], None] = lambda done: None,
) -> Report:
    """Every line in order; records to `sink`, their sum in the report. The gate must hold a bundle."""
    assert gate.bundle is not None
    report = Report(gate.bundle.hash, tuple(rung.id for rung in gate.bundle.ladder.rungs))
    player = Player(gate)
    for number, line in enumerate(lines, 1):
        record = player.play(line, number)
        sink(record)
        report.add(record, line.truth)
        if number % 200 == 0:
            tick(200)
    return report


def encode(document: dict[str, JSON]) -> bytes:
    """The report as canonical JSON, one trailing newline."""
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"

"""The offline driver: recorded traffic through the same exchange, under the recorded clock.

Behaviour is held fixed: a recorded client does not slow down because it would have been throttled. A
refused call, though, got no answer, so its recorded usage does not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec

from gateway.exchange import Answer, Exchange, Gate, Head, Headers
from gateway.model import JSON, Client, Outcome, Principal, Track, Usage
from gateway.records import Record
from gateway.traffic import Line

TRACKS: tuple[Track, Track] = ("enforced", "shadow")
_JSON_ANSWER = [(b"content-type", b"application/json")]
_NAMES = (
    ("input_tokens", ("input_tokens", "prompt_tokens", "prompt_eval_count")),
    ("output_tokens", ("output_tokens", "completion_tokens", "eval_count")),
    ("reasoning_tokens", ("reasoning_tokens",)),
)


def _usage(recorded: dict[str, Any], *, logprobs: bool) -> Usage:
    """Recorded token counts under any dialect's names; what is missing counts as zero."""
    values = {
        ours: next((int(recorded[name]) for name in names if isinstance(recorded.get(name), int)), 0)
        for ours, names in _NAMES
    }
    output = values["output_tokens"]
    return Usage(values["input_tokens"], output, values["reasoning_tokens"], output if logprobs else 0)


def replay_line(gate: Gate, line: Line, number: int) -> Record:
    """Drive one recorded request through the exchange; `number` makes its decision id."""
    head = Head("POST", line.route.encode(), [])
    who = (Principal(line.principal, org=line.org), Client(line.ip, line.ua))
    exchange = Exchange(gate, head, f"replay-{number}", line.ts, as_principal=who)
    if exchange.route is None:
        exchange.identify()
        return exchange.finish(Outcome(200), line.ts)
    verdict = exchange.judge(bytes(line.request), line.ts)
    exchange.forwarded(line.ts)
    if isinstance(verdict, Answer):
        return exchange.finish(Outcome(verdict.status), line.ts)
    answer = line.answer
    if answer is not None:
        exchange.respond(200, _JSON_ANSWER)
        exchange.observe(answer)
    usage = None
    if line.usage is not None:
        asked = exchange.call is not None and exchange.call.parameters.logprobs
        usage = _usage(line.usage, logprobs=asked)
    return exchange.finish(Outcome(200, usage), line.ts)


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
    reasons: list[JSON] = field(default_factory=list)

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
        for track in TRACKS:
            standing = getattr(record, track)
            if track == "shadow" and standing.score > account.peak[track]:
                account.reasons = _reasons(record)
            account.peak[track] = max(account.peak[track], standing.score)
            if standing.rung is not None:
                self._climbed(account, track, standing.rung, record.ts)

    def _climbed(self, account: _Account, track: Track, rung: str, ts: float) -> None:
        # A rung includes those below it, so they are reached with it.
        for name in self._order[: self._order.index(rung) + 1]:
            self._at[track][name] += 1
            account.rungs[track].setdefault(name, {"first_request": account.requests, "ts": ts})

    def document(self, seconds: float) -> dict[str, JSON]:
        """The whole report; equal input and bundle give an equal one, but for `seconds`."""
        principals: dict[str, JSON] = {
            name: {
                "requests": account.requests,
                "truth": account.truth(),
                "peak": {track: round(account.peak[track], 3) for track in TRACKS},
                "rungs": {track: dict(account.rungs[track]) for track in TRACKS},
                "campaign": None,
                "reasons": account.reasons,
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


def _reasons(record: Record) -> list[JSON]:
    scored = sorted((s for s in record.signals if s.points > 0), key=lambda s: (-s.points, s.id))
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
    for number, line in enumerate(lines, 1):
        record = replay_line(gate, line, number)
        sink(record)
        report.add(record, line.truth)
        if number % 200 == 0:
            tick(200)
    return report


def encode(document: dict[str, JSON]) -> bytes:
    """The report as canonical JSON, one trailing newline."""
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"

"""Decision records: what stands in one, and how it becomes a line.

One JSON object per call, for reports, replay, evidence and tickets. A record names principals by their
hashes; it holds no key, and prompts only where the operator chose `content: plain`. Floats are rounded
here and nowhere else, so that equal traffic gives equal lines whatever driver it came through. Files are
the business of `gateway.audit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct

from gateway.model import (
    Call,
    Client,
    Decision,
    Outcome,
    Parameters,
    PolicyScore,
    Principal,
    Route,
    SignalScore,
    Standing,
    Tally,
    Trial,
    Usage,
)

Content = Literal["none", "features", "plain"]
"""How much of the request a line tells: nothing beyond model and route, shapes and sizes, or the prompt."""

LONGEST = 256
"""Characters kept of text that the client chooses (model, User-Agent)."""


# --- what stands in a record ---------------------------------------------------------------------------


class Record(Struct, frozen=True):
    """One call, as it was judged and as it ended. Field names are those of the line, where it has them."""

    ts: float
    """When the call arrived."""
    id: str
    bundle: str | None
    gen: int | None
    """Counts the bundles that the process has put to use; None where none saw the call."""
    principal: str
    kind: str | None
    org: str | None
    tier: str | None
    end_user: str | None
    """The end user's hash."""
    client: Client
    route: str | None
    """Canonical path; None for a path that is not known."""
    dialect: str | None
    endpoint: str | None
    model: str | None
    stream: bool
    status: int | None
    error: str | None
    finished: bool
    usage: Usage | None
    enforced: Standing
    shadow: Standing
    signals: tuple[SignalScore, ...]
    """All that were read; a line tells those with points."""
    policies: tuple[PolicyScore, ...]
    applied: tuple[str, ...]
    would: tuple[str, ...]
    refusal: str | None
    """Code of the answer that the gateway gave in the model's place."""
    delay: float
    unscored: str | None
    """Why no policy saw the call."""
    skipped: Mapping[str, str]
    tenant: str | None = None
    """Whose numbers, ceiling and ladder were used."""
    exemptions: tuple[Tally, ...] = ()
    campaign: str | None = None
    """The campaign that a signal put the principal in."""
    candidate: Trial | None = None
    overhead_us: int | None = None
    warnings: tuple[str, ...] = ()
    call: Call | None = None
    """Features and, for `content: plain`, the prompt."""

    def __repr__(self) -> str:
        # Records turn up in tracebacks: neither prompt nor end user may.
        return f"Record(id={self.id!r}, principal={self.principal!r}, route={self.route!r})"


class Scored(Protocol):
    """What is asked of a scored transaction."""

    @property
    def decision(self) -> Decision: ...


class Ended(Protocol):
    """What is asked of an exchange (`gateway.exchange.Exchange`)."""

    @property
    def id(self) -> str: ...
    @property
    def gen(self) -> int: ...
    @property
    def began(self) -> float: ...
    @property
    def route(self) -> Route | None: ...
    @property
    def call(self) -> Call | None: ...
    @property
    def principal(self) -> Principal | None: ...
    @property
    def client(self) -> Client: ...
    @property
    def unscored(self) -> str | None: ...
    @property
    def refused(self) -> str | None: ...
    @property
    def transaction(self) -> Scored | None: ...


_DECIDED = (
    *("enforced", "shadow", "signals", "policies", "applied", "would", "delay", "skipped"),
    *("tenant", "exemptions", "campaign", "candidate"),
)
"""What a record takes over from the decision under the same name."""


def record_of(
    exchange: Ended, outcome: Outcome, *, end_user: str | None = None, warnings: tuple[str, ...] = ()
) -> Record:
    """The record of an exchange that ended so; `end_user` is a hash (`Identifier.end_user`)."""
    who, route, call = exchange.principal, exchange.route, exchange.call
    scored = exchange.transaction
    decision = Decision(exchange.id, "") if scored is None else scored.decision
    return Record(
        ts=exchange.began,
        id=exchange.id,
        bundle=decision.bundle or None,
        gen=exchange.gen if decision.bundle else None,
        principal="unknown" if who is None else who.id,
        kind=None if who is None else who.kind,
        org=None if who is None else who.org,
        tier=None if who is None else who.tier,
        end_user=end_user,
        client=exchange.client,
        route=None if route is None else route.path,
        dialect=None if route is None else route.dialect,
        endpoint=None if route is None else route.endpoint,
        model=None if call is None else call.model,
        stream=call is not None and call.stream,
        status=outcome.status,
        error=outcome.error,
        finished=outcome.finished,
        usage=outcome.usage,
        refusal=exchange.refused,
        unscored=exchange.unscored,
        warnings=warnings,
        call=call,
        **{name: getattr(decision, name) for name in _DECIDED},
    )


# --- a record as a line --------------------------------------------------------------------------------


def to_json(record: Record, content: Content) -> bytes:
    """One line with its newline: UTF-8 JSON, keys in a fixed order. Never raises for what clients send."""
    line = _line(record, content)
    try:
        return msgspec.json.encode(line) + b"\n"
    except UnicodeEncodeError:
        # JSON can spell half a surrogate pair (`"\ud800"`), UTF-8 cannot.
        return msgspec.json.encode(_storable(line)) + b"\n"


def _line(record: Record, content: Content) -> dict[str, Any]:
    line: dict[str, Any] = {
        "ts": _round(record.ts),
        "id": record.id,
        "bundle": record.bundle,
        "gen": record.gen,
        "principal": record.principal,
        "kind": record.kind,
        "org": record.org,
        "tier": record.tier,
        "end_user": record.end_user,
        "route": record.route,
        "dialect": record.dialect,
        "endpoint": record.endpoint,
        "model": _cut(record.model),
        "stream": record.stream,
        "status": record.status,
        "error": record.error,
        "finished": record.finished,
        "usage": record.usage,
        **_decided(record),
        "unscored": record.unscored,
        "skipped": dict(sorted(record.skipped.items())),
        "overhead_us": record.overhead_us,
        "warnings": record.warnings,
    }
    if content != "none":
        line["client"] = {"ip": record.client.ip, "user_agent": _cut(record.client.user_agent)}
        line["features"] = None if record.call is None else _features(record.call)
    if content == "plain":
        turns = () if record.call is None else record.call.turns
        line["prompt"] = [{"role": turn.role, "text": turn.text} for turn in turns]
    return line


def _decided(record: Record) -> dict[str, Any]:
    return {
        "enforced": _standing(record.enforced),
        "shadow": _standing(record.shadow),
        "candidate": None if record.candidate is None else _trial(record.candidate),
        "signals": [_signal(score) for score in record.signals if score.points or score.exempted],
        "policies": [_policy(score) for score in record.policies if score.shadow or score.enforced],
        "tenant": record.tenant,
        "campaign": record.campaign,
        "exemptions": [{"id": one.id, "points": _round(one.points)} for one in record.exemptions],
        "applied": record.applied,
        "would": record.would,
        "refusal": record.refusal,
        "delay": _round(record.delay),
    }


def _round(value: float) -> float:
    return round(value, 3) + 0.0  # turns -0.0 into 0.0


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:LONGEST]


def _standing(standing: Standing) -> dict[str, Any]:
    line: dict[str, Any] = {"score": _round(standing.score), "rung": standing.rung}
    return {**line, "held": True} if standing.held else line


def _trial(trial: Trial) -> dict[str, Any]:
    return {"bundle": trial.bundle, "score": _round(trial.score), "rung": trial.rung}


def _signal(score: SignalScore) -> dict[str, Any]:
    """What most lines would not have (`warming`, `exemption`, …) stands there only if it is there."""
    line = {
        "id": score.id,
        "value": round(score.value, 6) + 0.0,
        "n": score.n,
        "strength": _round(score.strength),
        "points": _round(score.points),
        "mode": score.mode.name.lower(),
        "text": score.text,
    }
    if score.definition:
        line["definition"] = score.definition
    if score.warming is not None:
        line["warming"] = _round(score.warming)
    if score.exemption is not None:
        line |= {"exemption": score.exemption, "exempted": _round(score.exempted)}
    return line


def _policy(score: PolicyScore) -> dict[str, Any]:
    return {
        "id": score.id,
        "mode": score.mode.name.lower(),
        "now": _round(score.now),
        "enforced": _round(score.enforced),
        "shadow": _round(score.shadow),
    }


_PLAIN = Parameters()
_PARAMETERS = Parameters.__struct_fields__


def _features(call: Call) -> dict[str, Any]:
    asked = call.parameters
    return {
        "size": call.size,
        "messages": call.messages,
        "prompts": call.prompts,
        "parameters": {
            name: value for name in _PARAMETERS if (value := getattr(asked, name)) != getattr(_PLAIN, name)
        },
    }


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(item) for item in value]
    return value

"""Policies, calls and transactions for the tests of the engine and its drivers."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

from gateway import actions, dialects
from gateway.dialects.base import Object
from gateway.engine import Transaction, judge
from gateway.model import Batch, Client, Decision, Mode, Outcome, Principal, Route, Usage
from gateway.planner import plan
from gateway.policies.bundle import Bundle
from gateway.policies.compile import compile_bundle
from gateway.signals import DETECTORS
from gateway.stores.memory import MemoryStore
from gateway.strict_yaml import parse

CHAT = Route("openai_chat", "chat", "/v1/chat/completions")

LADDER = """
---
kind: ladder
id: default
version: 1
title: The rungs of the tests
rungs:
  watch: {at: 20, do: [{log: true}]}
  narrow: {at: 35, do: [{logprobs: {max_top: 5, decimals: 2}}, {cap: {n: 1}}]}
  throttle: {at: 50, clear: 40, do: [{limit: {requests: 6/1m, burst: 2}}, {logprobs: {max_top: 0}}]}
  perturb: {at: 65, do: [{reasoning: {strip: true}}, {delay: {by: 1s}}]}
  refuse: {at: 85, requires: {policies: 2}, do: [{reject: {status: 403, code: usage_review}}]}
"""


def policy(body: str, **changes: Any) -> str:
    """A policy document around `signals:` (and more) in `body`; `changes` replace head keys."""
    head = {"id": "probe", "version": 1, "title": "Probe", "mode": "enforce", "cap": 100} | changes
    lines = [f"{key}: {value}" for key, value in head.items()]
    return "---\nkind: policy\n" + "\n".join(lines) + "\n" + dedent(body)


def exemption(effect: str = "skip", applies: str = "probe", **more: object) -> str:
    """An exemption document; `more` replaces keys."""
    head = {
        "id": "known",
        "title": "Known",
        "reason": "reviewed",
        "owner": "jane",
        "expires": "2027-02-28",
        "match": "{principal.id: p}",
        "applies_to": f"[{applies}]",
        "effect": effect,
    } | more
    return "---\nkind: exemption\n" + "\n".join(f"{key}: {value}" for key, value in head.items()) + "\n"


def bundle(*documents: str, ladder: str = LADDER) -> Bundle:
    """The compiled bundle of some documents and a ladder."""
    parsed = parse("\n".join((*documents, ladder)).encode(), "test.yaml")
    known = {name: actions.get(name) for name in actions.NAMES}
    return compile_bundle(parsed, detectors=DETECTORS, actions=known)


class Recording(MemoryStore):
    """Remembers which operations came in each round trip."""

    def __init__(self) -> None:
        super().__init__(10)
        self.trips: list[list[Batch]] = []

    def apply(self, batches: Any, now: float) -> Any:
        """The same as ever."""
        self.trips.append(list(batches))
        return super().apply(batches, now)


def chat(text: str = "hello there", **parameters: Any) -> Object:
    """A chat body with one user message."""
    return {"model": "m", "messages": [{"role": "user", "content": text}], **parameters}


@dataclass
class Drive:
    """One engine over one store: sends calls of one principal as a driver would."""

    policies: Bundle
    ceiling: Mode = Mode.ENFORCE
    store: MemoryStore = field(default_factory=lambda: MemoryStore(100))
    now: float = 0.0
    who: Principal = field(default_factory=lambda: Principal("p"))
    last: Transaction | None = None
    candidate: Bundle | None = None
    born: dict[str, float] = field(default_factory=dict)

    def send(self, body: Object | None = None, usage: Usage | None = None) -> Decision:
        """Judge, study and settle one call; returns the decision made at arrival."""
        body = chat() if body is None else body
        dialect = dialects.get("openai_chat")
        call = dialect.read(body, CHAT, 100)
        made = plan(self.policies, self.born)
        trial = None if self.candidate is None else plan(self.candidate, self.born, trial=True)
        client = Client("192.0.2.1")
        transaction = Transaction(made, self.ceiling, call, dialect, body, self.who, client, "id", trial)
        decision = judge(transaction, self.store, self.now)
        self.store.apply(transaction.study(), self.now)
        self.store.apply(transaction.settle(Outcome(200, usage)), self.now)
        self.last = transaction
        return decision

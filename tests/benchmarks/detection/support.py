"""A small deployment of our own: a few honest people, one job, two harvests, a hydra of three keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.detection.accounts import Account
from benchmarks.detection.corpus import Role

START = 1_767_571_200.0
POLICIES = """
kind: policy
id: bias
version: 1
title: Bias maps
mode: enforce
cap: 100
signals:
  many:
    distinct: {of: bias_sets, over: 24h}
    ramp: [1, 5]
    points: 60
---
kind: policy
id: wish
version: 1
title: Wishes for tasks
mode: shadow
cap: 100
signals:
  tasks:
    ratio: {where: {prompt.user: {contains: tasks}}, over: 24h, min: 3}
    ramp: [0.2, 0.8]
    points: 60
---
kind: ladder
id: default
version: 1
title: Rungs
rungs:
  watch: {at: 20, do: [{log: true}]}
  narrow: {at: 35, do: [{logprobs: {max_top: 1}}]}
  throttle: {at: 50, do: [{limit: {requests: 1/1h, burst: 1}}]}
"""


def line(principal: str, truth: str | None, at: float, text: str, **more: Any) -> dict[str, Any]:
    """One line of traffic; `more` are request parameters."""
    message = {"role": "user", "content": text}
    body = {"model": "m", "messages": [message], "max_tokens": 100, **more}
    named = {} if truth is None else {"truth": truth}
    return {"ts": START + at, "principal": principal, "org": f"o-{principal}", **named, "request": body}


def traffic() -> Iterator[dict[str, Any]]:
    """Eight requests of everybody, a minute apart."""
    for at in range(8):
        now = 60.0 * at
        for person in range(4):
            yield line(f"person-{person}", "benign:chat", now, f"why does {person} like {at}?")
        yield line("job", "benign:job", now, f"sort this: {at}")
        bias = {"logit_bias": {str(at): 5}, "logprobs": True, "top_logprobs": 3}
        yield line("probe", "attack:logprob_harvest", now, "go", **bias)
        yield line("wisher", "attack:self_instruct", now, f"write {at} tasks", n=2)
        for key in range(3):
            truth = "attack:hydra" if at % 2 else "attack:hydra-filler"
            yield line(f"head-{key}", truth, now, f"question {key} {at}")


def sidecar() -> Iterator[dict[str, Any]]:
    """What the file beside the traffic says of it."""
    for key in range(3):
        yield {"principal": f"head-{key}", "campaign": "h1", "template": "fixed wrapper", "note": ""}
    yield {"principal": "job", "campaign": None, "template": "job"}


def write(folder: Path) -> Path:
    """The deployment as `folder`/traffic/small, with policies in `folder`/policies; returns `folder`."""
    home = folder / "traffic" / "small"
    home.mkdir(parents=True)
    (home / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in traffic()))
    beside = home.with_name("small.principals.jsonl")
    beside.write_text("".join(json.dumps(row) + "\n" for row in sidecar()))
    (folder / "policies").mkdir()
    (folder / "policies" / "all.yaml").write_text(POLICIES)
    return folder


def role(name: str, scenario: str, campaign: str | None = None, *, benign: bool = False) -> Role:
    """A role without more to it."""
    return Role(name, benign, scenario, campaign or name, campaign or name)


def account(who: Role, requests: int, harvest: int | None = None, **arrays: Any) -> Account:
    """An account with so many requests an hour apart, of which the first `harvest` are wanted."""
    made = Account(who)
    wanted = (0 if who.benign else requests) if harvest is None else harvest
    for at in range(requests):
        made.ts.append(3600.0 * at)
        made.harvest.append(at < wanted)
        made.answers.append(1)
        made.tokens.append(10)
    for name, value in arrays.items():
        setattr(made, name, value)
    return made

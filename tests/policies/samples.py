"""A small valid policy directory as text, for tests that break it in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway import actions as shipped
from gateway.actions.base import Action
from gateway.policies.bundle import Bundle
from gateway.policies.compile import compile_bundle
from gateway.signals import DETECTORS
from gateway.strict_yaml import parse

POLICY = """\
kind: policy
id: sample
version: 2
title: A sample
description: Nothing in particular.
references: [{atlas: AML.T0024.002}]
false_positives:
mode: enforce
rollout: 25%
match: {request.endpoint: [chat, messages]}
combine: max
cap: 45
half_life: 90m
signals:
  burst:
    count: {of: requests, over: 1m}
    ramp: [60, 300]
    points: 15
    why: "{value:.0f} in {over}"
  share:
    ratio: {where: {prompt.user: {matches: '@words'}}, over: 1h, min: 40}
    ramp: [0.5, 0.1]
    points: 20
    mode: shadow
  canary:
    request: {prompt.user: {matches: 'CANARY-[0-9a-f]+'}}
    points: 40
    floor: throttle
"""

PATTERNS = """\
kind: patterns
id: words
title: Some words
items:
  trace:
    regex: '(?i)\\breasoning\\b'
    match: [Your reasoning please]
    pass:
      - Good seasoning
  other:
    regex: rubric
    weight: 0.5
    match:
    pass:
"""

LADDER = """\
kind: ladder
id: default
title: Rungs
rungs:
  refuse:
    at: 85
    clear: 60
    requires: {policies: 2, principal_age: 1h, sustained: 10m}
    do:
      - reject: {status: 403, code: usage_review}
  watch:
    at: 20
    do:
      - log: true
  throttle:
    at: 50
    clear: 40
    do:
      - limit: {requests: 20/1m, burst: 5}
      - logprobs: {max_top: 5}
  narrow:
    at: 35
    do:
      - logprobs: {max_top: 10, decimals: 2}
"""

ACTIONS: Mapping[str, type[Action]] = {name: shipped.get(name) for name in shipped.NAMES}


def compiled(*texts: str, **changes: Any) -> Bundle:
    """The bundle of some documents' texts, in files `0.yaml`, `1.yaml`, …"""
    documents = [
        document for index, text in enumerate(texts) for document in parse(text.encode(), f"{index}.yaml")
    ]
    return compile_bundle(documents, **{"detectors": DETECTORS, "actions": ACTIONS, **changes})

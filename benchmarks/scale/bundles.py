"""Policies made up in any number, written to a folder and loaded as an operator's would be."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.engine_cost import WORDS
from gateway.policies.bundle import Bundle
from gateway.policies.load import load_bundle

_LADDER = {
    "kind": "ladder",
    "id": "default",
    "version": 1,
    "title": "One rung",
    "rungs": {"watch": {"at": 90, "do": [{"log": True}]}},
}


def many_policies(count: int) -> Bundle:
    """So many policies with two signals each: a share of its own, and a condition on the request."""
    return _loaded(_policy(number) for number in range(count))


def _policy(number: int) -> Mapping[str, Any]:
    share = {"where": {"request.max_tokens": {"lte": 100 + number}}, "over": "1h", "min": 5}
    return {
        "kind": "policy",
        "id": f"made-up-{number}",
        "version": 1,
        "title": f"Made up {number}",
        "cap": 50,
        "signals": {
            "short-answers": {"ratio": share, "ramp": [0.5, 1.0], "points": 10},
            "warm": {"request": {"request.temperature": {"gt": 1 + number / 1000}}, "points": 5},
        },
    }


def many_patterns(count: int) -> Bundle:
    """One policy that asks a set of so many patterns, none of which occurs in the prompts."""
    items = {
        f"p{number}": {"regex": rf"(?i)\b{WORDS[number % len(WORDS)]}x{number} (?:please|now)\b"}
        for number in range(count)
    }
    patterns = {"kind": "patterns", "id": "made-up", "version": 1, "title": "Made up", "items": items}
    policy = {
        "kind": "policy",
        "id": "asks",
        "version": 1,
        "title": "Asks all patterns",
        "cap": 50,
        "signals": {"any": {"request": {"prompt.user": {"matches": "@made-up"}}, "points": 10}},
    }
    return _loaded([patterns, policy])


def _loaded(documents: Iterable[Mapping[str, Any]]) -> Bundle:
    with tempfile.TemporaryDirectory() as folder:
        text = "\n---\n".join(json.dumps(document) for document in [*documents, _LADDER])
        Path(folder, "made-up.yaml").write_text(text, "utf-8")
        return load_bundle(Path(folder))

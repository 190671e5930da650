"""From settings to a gate: which responses have leave, and what answers are marked under."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from gateway.assemble import assemble
from gateway.config import load_config
from gateway.exchange import Exchange, Forward, Head
from gateway.gate import Gate
from gateway.marks.keyring import UNKEYED
from gateway.policies.bundle import Bundle
from gateway.ring import FILE, kept_ring
from tests.exchanges import ASKED, chat
from tests.policies.test_leave import WORDS
from tests.support import bundle, policy

ALL = policy(
    "signals: {a: {request: {request.model: {eq: m}}, points: 60}}\n",
)
MARKING = """
---
kind: ladder
id: default
title: L
rungs:
  high: {at: 50, do: [{watermark: {tokens: words}}]}
"""


def marking() -> Bundle:
    return bundle(ALL, WORDS, ladder=MARKING)


def gate(home: Path, **settings: Any) -> Gate:
    held = {"identity.state_dir": str(home), "policies.ceiling": "enforce", **settings}
    return assemble(load_config(None, held, env={}), marking())


def sent(through: Gate) -> dict[str, Any]:
    """The body that goes on in place of a plain chat's."""
    one = Exchange(through, Head("POST", b"/v1/chat/completions", ASKED, "192.0.2.7"), "id-1", 100.0)
    answer = one.judge(chat(), 100.0)
    assert isinstance(answer, Forward)
    assert one.transaction is not None
    assert one.transaction.decision.enforced.rung == "high"
    return {} if answer.body is None else json.loads(answer.body)


def test_a_response_that_opt_in_is_off_by_default_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        made = gate(tmp_path)
    assert sent(made) == {}
    assert made.ring is UNKEYED
    assert list(tmp_path.glob(FILE)) == []
    told = "watermark on rung high of ladder default is off: policies.allow_actions does not name it"
    assert told in caplog.messages


def test_with_leave_answers_are_marked_under_a_ring_that_is_made_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        body = sent(gate(tmp_path, **{"policies.allow_actions": ["watermark"]}))
    assert set(body["logit_bias"]) <= {"4", "5", "6", "7"}
    assert set(body["logit_bias"].values()) == {1.0, -1.0}
    assert caplog.messages == []
    kept = kept_ring(tmp_path / FILE)
    assert sent(gate(tmp_path, **{"policies.allow_actions": ["watermark"]})) == body
    secret = kept.epochs[0].secret.hex()
    assert secret not in caplog.text


def test_the_ring_may_be_a_file_of_the_operators(tmp_path: Path) -> None:
    ring = tmp_path / "ring.json"
    epochs = kept_ring(ring).epochs
    made = gate(tmp_path, **{"policies.allow_actions": ["watermark"], "marks.key_ring": str(ring)})
    assert made.ring.epochs == epochs
    assert list(tmp_path.glob(FILE)) == []

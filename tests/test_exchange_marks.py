"""Marked answers through the whole exchange: only where the operator allows it, and never in shadow."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.assemble import assemble
from gateway.config import load_config
from gateway.exchange import Exchange, Forward, Head
from gateway.gate import Gate
from gateway.marks.text import evidence, mark
from gateway.model import JSON, Outcome
from gateway.policies.bundle import Bundle
from tests.actions.answers import whole
from tests.exchanges import JSON_ANSWER, POINTS, chat
from tests.marks.texts import PROSE
from tests.support import bundle, policy

MARKING = """
---
kind: ladder
id: default
version: 1
title: A rung that marks
rungs: {mark: {at: 35, do: [{perturb: {profile: strong}}]}}
"""
BUNDLE = bundle(policy(POINTS % 60), ladder=MARKING)
ANSWER = json.dumps(whole("openai_chat", PROSE)).encode()


def gate(tmp_path: Path, made: Bundle = BUNDLE, ceiling: str = "enforce", *allowed: str) -> Gate:
    settings: dict[str, JSON] = {
        "identity.state_dir": str(tmp_path),
        "policies.ceiling": ceiling,
        "policies.allow_actions": list(allowed),
    }
    return assemble(load_config(None, settings, env={}), made, made)


def answered(made: Gate, key: bytes = b"sk-1") -> tuple[Exchange, str]:
    """The exchange, and the text that the client reads."""
    one = Exchange(made, Head("POST", b"/v1/chat/completions", [(b"authorization", key)]), "id", 0.0)
    assert isinstance(one.judge(chat(), 0.0), Forward)
    one.forwarded(0.0)
    one.respond(200, JSON_ANSWER)
    out = one.feed(ANSWER) + one.end()
    one.finish(Outcome(200), 0.0)
    text: str = json.loads(out)["choices"][0]["message"]["content"]
    return one, text


def test_each_principals_answers_carry_the_mark_of_its_own_key(tmp_path: Path) -> None:
    made = gate(tmp_path, BUNDLE, "enforce", "perturb")
    texts = {}
    for name in (b"sk-1", b"sk-2"):
        one, text = answered(made, name)
        assert one.principal is not None
        key = made.ring.at(0.0).key(one.principal.id)
        assert text == mark(PROSE, key, "strong")
        assert one.transaction is not None
        assert one.transaction.decision.applied == ("log", "perturb")
        texts[key] = text
    first, second = texts
    assert texts[first] != texts[second]
    agreeing, sites = evidence(texts[first], first)
    assert agreeing == sites > evidence(texts[first], second)[0]


def test_without_leave_it_is_off_on_both_tracks(tmp_path: Path) -> None:
    one, text = answered(gate(tmp_path))
    assert text == PROSE
    assert one.transaction is not None
    decision = one.transaction.decision
    assert (decision.applied, decision.would) == (("log",), ("log",))


def test_in_shadow_the_answer_stays_and_the_record_says_what_would_be_done(tmp_path: Path) -> None:
    one, text = answered(gate(tmp_path, BUNDLE, "shadow", "perturb"))
    assert text == PROSE
    assert one.transaction is not None
    decision = one.transaction.decision
    assert (decision.applied, decision.would) == ((), ("log", "perturb"))


def test_a_rung_that_alters_answers_early_is_warned_of() -> None:
    assert [advice.message for advice in BUNDLE.warnings] == [
        "rungs.mark: 'perturb' without requires: {policies: 2, principal_age: 1h} alters answers early"
    ]
    asked = MARKING.replace("at: 35,", "at: 35, requires: {policies: 2, principal_age: 1h},")
    assert bundle(policy(POINTS % 60), ladder=asked).warnings == ()

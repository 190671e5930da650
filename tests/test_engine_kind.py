"""Conditions that ask what kind of program or person sends: told from earlier calls, counted once."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.adapters.replay import Nobody, Player
from gateway.evaluable import evaluability
from gateway.gate import Gate
from gateway.model import Mode, Principal
from gateway.observations import Observe
from gateway.planner import plan
from gateway.policies.asked import fields
from gateway.readers.base import Features, Line, lacking_fields
from gateway.retired import windows
from gateway.signals.kind import FIELD, LEAST, OF_ALL
from gateway.stores.memory import MemoryStore
from tests.support import Drive, Recording, bundle, chat, exemption, policy

MATCH = "match: {profile.kind: {in: [batch, agent]}}\n"
YES = "signals: {any: {request: {request.n: 1}, points: 30}}\n"
WHERE = """
signals:
  of: {count: {of: requests, over: 1h, where: {profile.kind: batch}}, ramp: [0, 9], points: 9}
"""
TENANT = """---
kind: tenant
id: t
title: T
orgs: [o]
set: {probe.signals.any.points: 5}
"""


def framed(at: int, **more: Any) -> dict[str, Any]:
    """A prompt of a job that sends one template over and over."""
    return chat(
        f"Tell whether this review is kind or not. item{at} word{at} thing{at} Answer in one word.", **more
    )


def send(drive: Drive, many: int) -> list[float]:
    """The scores of so many calls."""
    return [drive.send(framed(at)).shadow.score for at in range(many)]


def observed(drive: Drive) -> int:
    """Prompts in the profile that the field is told from."""
    (((read,),),) = (drive.store.apply([("p", OF_ALL.reads)], drive.now),)
    return int(read.values[0]) if read.values else 0


def test_a_policy_is_there_for_one_kind_from_so_many_prompts_on() -> None:
    scores = send(Drive(bundle(policy(MATCH + YES))), LEAST + 2)
    assert scores == [0.0] * LEAST + [30.0, 30.0]


def test_a_policy_for_another_kind_is_not_there() -> None:
    assert not any(send(Drive(bundle(policy("match: {profile.kind: person}\n" + YES))), LEAST + 2))


def test_a_kind_is_unknown_at_first() -> None:
    scores = send(Drive(bundle(policy("match: {profile.kind: unknown}\n" + YES, half_life="1m"))), 1)
    assert scores == [30.0]


def test_a_counter_counts_the_calls_of_one_kind() -> None:
    drive = Drive(bundle(policy(WHERE)))
    send(drive, LEAST)
    found = [drive.send(framed(at)).signals[0].value for at in range(3)]
    assert found == [1.0, 2.0, 3.0]


def test_what_an_organisation_is_judged_by_may_ask_for_the_kind_of_who_sends() -> None:
    drive = Drive(bundle(policy(MATCH + YES, key="org")), who=Principal("p", org="o"))
    assert send(drive, LEAST + 1)[-1] == 30.0
    drive.who = Principal("q", org="o")
    assert not drive.send(framed(1)).signals


def test_an_exemption_may_ask_for_the_kind() -> None:
    forgiving = exemption(match="{profile.kind: batch}")
    drive = Drive(bundle(policy(YES), forgiving))
    scores = send(drive, LEAST + 1)
    assert scores[0] == 30.0
    assert drive.last is not None
    assert [one.id for one in drive.last.decision.exemptions] == ["known"]


def test_a_tenant_is_asked_about_as_everybody_is() -> None:
    drive = Drive(bundle(policy(MATCH + YES), TENANT), who=Principal("p", org="o"))
    assert send(drive, LEAST + 1)[-1] == 5.0


@pytest.mark.parametrize("body", [MATCH + YES, WHERE])
def test_a_prompt_is_counted_once_whoever_asks(body: str) -> None:
    profile = "signals: {s: {profile: {metric: framed, min: 1}, ramp: [0, 1], points: 1}}\n"
    same = policy(
        "match: {request.endpoint: [chat, completions, messages, responses]}\n" + profile, id="other"
    )
    drive = Drive(bundle(policy(body), same), candidate=bundle(policy(body, version=2)))
    drive.store = store = Recording()
    send(drive, 3)
    asked = [op for trip in store.trips for _, ops in trip for op in ops if isinstance(op, Observe)]
    assert len([op for op in asked if op.numbers]) == 3
    assert observed(drive) == 3


def test_a_candidate_may_be_the_only_one_that_asks() -> None:
    drive = Drive(bundle(policy(YES, cap=1)), candidate=bundle(policy(MATCH + YES)))
    send(drive, LEAST + 1)
    assert drive.last is not None
    found = drive.last.decision.candidate
    assert found is not None
    assert found.score == 30.0
    assert observed(drive) == LEAST + 1


def test_nothing_is_kept_where_nobody_asks() -> None:
    for body in (YES, WHERE.replace("points: 9", "points: 9, mode: disabled")):
        made = bundle(policy(body))
        assert plan(made).profile is None
        assert FIELD not in fields(made.policies, made.exemptions)
        assert OF_ALL.reads[0].key not in windows(made)
    off = bundle(policy(MATCH + YES, mode="disabled"))
    assert FIELD not in plan(off).fields


def test_what_is_kept_for_a_condition_stays_over_a_reload() -> None:
    made = bundle(policy(MATCH + YES))
    assert OF_ALL.reads[0].key in plan(made).counters()
    assert windows(made)[OF_ALL.reads[0].key] == OF_ALL.reads[0].half_life  # type: ignore[attr-defined]


@pytest.mark.parametrize("lacks", ["prompt", "parameters", "identity", "request.tools"])
def test_where_earlier_calls_cannot_be_told_the_kind_is_not_known(lacks: str) -> None:
    assert FIELD in lacking_fields([lacks])
    made = bundle(policy(MATCH + YES))
    assert evaluability(made, {((lacks,), False): 1}, ()).blind == ("probe.any",)
    line = Line(0.0, "p", features=Features("openai_chat", "chat"), lacks=(lacks,))
    player = Player(Gate(made, Mode.ENFORCE, MemoryStore(9), Nobody()))
    assert not any(player.play(line, at).signals for at in range(LEAST + 2))


def test_a_kind_can_be_told_anew_where_nothing_that_it_needs_is_lacking() -> None:
    assert FIELD not in lacking_fields(["usage", "client"])
    made = bundle(policy(MATCH + YES))
    assert evaluability(made, {(("usage",), False): 1}, ()).re_evaluable == ("probe.any",)

"""What people say of a principal: a pardon undoes everything at once, and a raise holds for a while."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from gateway.intervention import KEPT, Intervention
from gateway.model import JSON, Mode, Principal, Register, Usage
from gateway.plan import FIRST
from gateway.planner import plan
from gateway.policies.bundle import Tenant
from tests.support import Drive, bundle, chat, policy

HOARD = """
signals:
  volume: {count: {of: requests, over: 24h}, ramp: [0, 4], points: 60}
  tokens: {count: {of: output_tokens, over: 24h}, ramp: [0, 100], points: 40}
"""


def order(drive: Drive, until: float | None = None, rung: str | None = None, who: str = "p") -> None:
    """Carry it out as a driver would."""
    intervention = Intervention(plan(drive.policies), who)
    readings = drive.store.apply(intervention.look(), drive.now)
    if rung is None:
        drive.store.apply(intervention.pardon(until), drive.now)
    else:
        assert until is not None
        drive.store.apply(intervention.lift(readings, rung, until), drive.now)


def hoarder(ceiling: Mode = Mode.ENFORCE, **changes: Any) -> Drive:
    drive = Drive(bundle(policy(HOARD, **changes)), ceiling)
    for _ in range(8):
        drive.now += 20.0
        drive.send(usage=Usage(output_tokens=50))
    return drive


@pytest.mark.parametrize("ceiling", [Mode.ENFORCE, Mode.SHADOW])
def test_after_a_pardon_the_next_call_is_that_of_a_newcomer_on_both_tracks(ceiling: Mode) -> None:
    drive = hoarder(ceiling)
    assert drive.send().shadow.rung == "perturb"
    order(drive)
    decision = drive.send()
    first = Drive(drive.policies, ceiling).send()
    assert (decision.enforced, decision.shadow) == (first.enforced, first.shadow)
    assert (decision.applied, decision.would, decision.refusal) == (first.applied, first.would, None)
    # What comes after the pardon counts again.
    for _ in range(8):
        drive.now += 20.0
        decision = drive.send(usage=Usage(output_tokens=50))
    assert decision.shadow.rung is not None


def test_a_pardon_leaves_the_age_and_the_turns_that_were_sent() -> None:
    drive = hoarder()
    order(drive)
    assert drive.store.apply([("p", [FIRST])], drive.now)[0][0].values == (20.0,)
    history: list[JSON] = [
        {"role": "user", "content": "hello there"},
        {"role": "assistant", "content": "hello"},
    ]
    drive.send({"model": "m", "messages": [*history, {"role": "user", "content": "and now?"}]})
    assert drive.last is not None
    assert [turn.text for turn in drive.last._facts.fresh] == ["and now?"]
    assert KEPT == ("first", "turns")


def test_for_as_long_as_a_pardon_lasts_nothing_happens_whatever_is_found() -> None:
    drive = hoarder()
    order(drive, until=drive.now + 1000.0)
    for _ in range(8):
        drive.now += 20.0
        decision = drive.send(usage=Usage(output_tokens=50))
        assert (decision.enforced.rung, decision.applied, decision.enforced.held) == (None, (), True)
    # The score is told all the same, and counts when the time is over.
    assert decision.enforced.score > 80
    drive.now += 1000.0
    decision = drive.send()
    assert (decision.enforced.rung is not None, decision.enforced.held) == (True, False)


def test_somebody_who_is_raised_meets_the_responses_of_the_rung_until_then() -> None:
    drive = Drive(bundle(policy(HOARD)))
    drive.send()
    order(drive, until=100.0, rung="narrow")
    drive.now = 99.0
    decision = drive.send(chat(n=4))
    assert (decision.enforced.rung, decision.shadow.rung) == ("narrow", "narrow")
    assert (decision.applied, decision.enforced.held) == (("log", "logprobs", "cap"), True)
    drive.now = 100.0
    assert drive.send(chat(n=4)).enforced.held is False


def test_in_shadow_a_raised_rung_acts_on_nobody() -> None:
    drive = Drive(bundle(policy(HOARD)), Mode.SHADOW)
    drive.send()
    order(drive, until=100.0, rung="refuse")
    decision = drive.send()
    assert (decision.enforced.rung, decision.refusal, decision.applied) == (None, None, ())
    assert (decision.shadow.rung, decision.would) == ("refuse", ("reject",))


def test_a_raise_keeps_what_was_earned() -> None:
    drive = hoarder()
    before = drive.send().enforced.rung
    order(drive, until=drive.now + 10.0, rung="watch")
    assert drive.send().enforced.rung == before


def test_a_rung_that_no_ladder_has_is_named_with_the_nearest_one() -> None:
    drive = Drive(bundle(policy(HOARD)))
    drive.send()
    intervention = Intervention(plan(drive.policies), "p")
    readings = drive.store.apply(intervention.look(), 0.0)
    with pytest.raises(ValueError, match=r"no rung 'trottle' \(did you mean 'throttle'\?\)"):
        intervention.lift(readings, "trottle", 9.0)


def test_whoever_climbs_a_ladder_of_its_own_is_held_on_that_one() -> None:
    made = bundle(policy(HOARD))
    rungs = tuple(dataclasses.replace(rung, id=f"own-{rung.id}") for rung in made.ladder.rungs)
    own = dataclasses.replace(made.ladder, id="own", rungs=rungs)
    careful = Tenant("careful", frozenset("p"), frozenset(), frozenset(), Mode.ENFORCE, made.policies, own)
    drive = Drive(dataclasses.replace(made, tenants=(careful,)))
    drive.send()
    # Its ladder has no such rung; the score at which the common one begins decides.
    order(drive, until=100.0, rung="narrow")
    assert drive.send().enforced.rung == "own-narrow"
    drive.who = Principal("q")
    drive.send()
    order(drive, until=100.0, rung="own-throttle", who="q")
    assert drive.send().enforced.rung == "throttle"


def test_an_unknown_principal_reads_as_nothing() -> None:
    drive = Drive(bundle(policy(HOARD)))
    intervention = Intervention(plan(drive.policies), "nobody")
    (readings,) = drive.store.apply(intervention.look(), 0.0)
    assert not any(reading.values for reading in readings)


def test_an_organisations_peaks_are_forgiven_under_its_own_name() -> None:
    body = "key: org\nsignals: {echo: {request: {request.echo: true}, points: 60}}"
    drive = Drive(bundle(policy(body)), who=Principal("p", org="acme"))
    drive.send(chat(echo=True))
    order(drive)
    assert drive.send().enforced.rung == "throttle"
    order(drive, who="org:acme")
    order(drive)
    assert drive.send().enforced.rung is None


def test_a_hold_is_a_register_like_any_other() -> None:
    made = plan(bundle(policy(HOARD)))
    ((_, ops),) = Intervention(made, "p").pardon(7.0)
    registers = [op for op in ops if isinstance(op, Register)]
    assert [op.key for op in registers] == [op.key for op in made.ladders]
    assert all(op.values is not None and op.values[-3:] == (-1.0, 7.0, -math.inf) for op in registers)

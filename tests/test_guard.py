"""The publish guard: it sees whom stored numbers would lift, writes nothing, and says how many."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import guard as module
from gateway.exchange import Exchange, Head
from gateway.gate import Gate
from gateway.guard import ACTIVE, EXAMPLES, Guard, Move, Verdict, higher
from gateway.model import Mode, Outcome, Principal
from gateway.policies.bundle import Bundle, Ladder, Requires, Rung
from gateway.roll import Roll
from gateway.stores.memory import MemoryStore
from tests.exchanges import Doorkeeper, chat
from tests.reloads import Clock
from tests.support import LADDER, bundle, policy


def often(certain: float, **head: object) -> str:
    """As many points as calls in the last hour, up to 60 at `certain` of them."""
    signals = f"signals: {{often: {{count: {{of: requests, over: 1h}}, ramp: [0, {certain}], points: 60}}}}"
    return policy(signals, **head)


class Town:
    """People who call through one gate."""

    def __init__(self, policies: Bundle, ceiling: Mode = Mode.ENFORCE) -> None:
        self.clock = Clock(1e6)
        self.roll = Roll(Doorkeeper(), self.clock)
        self.gate = Gate(policies, ceiling, MemoryStore(1000), self.roll)

    def call(self, key: str, times: int = 1) -> None:
        """Calls of one principal."""
        for _ in range(times):
            head = Head("POST", b"/v1/chat/completions", [(b"authorization", key.encode())])
            exchange = Exchange(self.gate, head, "id", self.clock.now)
            exchange.judge(chat(), self.clock.now)
            exchange.finish(Outcome(200), self.clock.now)

    def judge(self, policies: Bundle, limit: float = 0.05) -> Verdict:
        """The guard's verdict on new policies."""
        after = replace(self.gate, bundle=policies, gen=2)
        return asyncio.run(Guard(limit, self.roll.since, self.clock)(self.gate, after))


def crowd(policies: Bundle, ceiling: Mode = Mode.ENFORCE) -> Town:
    """Twenty people with one call each, and two with thirty."""
    town = Town(policies, ceiling)
    for number in range(20):
        town.call(f"quiet-{number}")
    for key in ("busy-1", "busy-2"):
        town.call(key, 30)
    return town


def test_a_lower_ramp_lifts_those_who_called_often_and_names_them() -> None:
    town = crowd(bundle(often(1000)))
    verdict = town.judge(bundle(often(30)))
    assert (verdict.active, verdict.moved) == (22, 2)
    assert verdict.examples == (
        Move("id of busy-1", None, "throttle"),
        Move("id of busy-2", None, "throttle"),
    )
    assert verdict.holds
    assert not replace(verdict, limit=0.1).holds


def test_the_same_policies_and_softer_ones_move_nobody() -> None:
    town = crowd(bundle(often(30)))
    assert town.judge(bundle(often(30))).moved == 0
    softer = town.judge(bundle(often(1000)))
    assert (softer.active, softer.moved, softer.holds) == (22, 0, False)


def test_a_promotion_lifts_by_counters_and_not_by_shadow_peaks() -> None:
    town = crowd(bundle(often(30, mode="shadow")))
    assert town.judge(bundle(often(30))).moved == 2
    request = "signals: {all: {request: {request.messages: {gte: 0}}, points: 60}}"
    town = crowd(bundle(policy(request, mode="shadow")))
    assert town.judge(bundle(policy(request))).moved == 0


def test_enforced_peaks_count_where_the_ladder_is_lowered() -> None:
    request = "signals: {all: {request: {request.messages: {gte: 0}}, points: 30}}"
    town = crowd(bundle(policy(request)))
    lower = bundle(policy(request), ladder=LADDER.replace("at: 35", "at: 25"))
    verdict = town.judge(lower)
    assert (verdict.active, verdict.moved) == (22, 22)
    assert verdict.examples[0] == Move("id of quiet-0", "watch", "narrow")
    assert len(verdict.examples) == EXAMPLES


def test_conditions_on_the_call_hide_no_counter() -> None:
    match = "\nmatch: {request.messages: {gte: 1}, request.model: m}"
    town = crowd(bundle(often(1000) + match))
    assert town.judge(bundle(often(30) + match)).moved == 2


def test_a_tenant_is_judged_by_its_own_numbers_and_ladder() -> None:
    tenant = dedent("""
        ---
        kind: tenant
        id: busy
        title: Busy
        principals: [id of busy-1]
        set: {"probe.signals.often.ramp": [0, 5000]}
    """)
    town = crowd(bundle(often(1000)))
    verdict = town.judge(bundle(often(30), tenant))
    assert [move.principal for move in verdict.examples] == ["id of busy-2"]


def test_in_shadow_nobody_is_asked_about() -> None:
    town = crowd(bundle(often(1000)), Mode.SHADOW)
    assert town.judge(bundle(often(30))) == Verdict(0, 0, 0.05)


def test_who_was_not_active_or_never_scored_does_not_count() -> None:
    town = crowd(bundle(often(1000)))
    town.clock.now += ACTIVE + 1
    town.roll.principal([(b"authorization", b"only named")], None, None)
    town.call("quiet-3")
    assert town.judge(bundle(often(30))).active == 1


def test_one_alone_may_always_climb() -> None:
    town = Town(bundle(often(1000)))
    town.call("busy", 30)
    verdict = town.judge(bundle(often(30)))
    assert (verdict.active, verdict.moved, verdict.holds) == (1, 1, False)


def test_the_store_is_as_it_was() -> None:
    policies = bundle(often(30))
    town, twin = crowd(policies), crowd(policies)
    town.judge(bundle(often(10)))
    following = [
        [place.gate.store.apply([(f"id of {key}", place.gate.plan.batches[0])], place.clock.now)]
        for place in (town, twin)
        for key in ("busy-1", "quiet-7")
        if place.gate.plan is not None
    ]
    assert following[:2] == following[2:]


def test_of_many_principals_an_even_sample_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE", 8)
    verdict = crowd(bundle(often(1000))).judge(bundle(often(30)))
    assert verdict.active == 8
    monkeypatch.setattr(module, "SAMPLE", 22)
    assert crowd(bundle(often(1000))).judge(bundle(often(30))).active == 22


def test_calls_have_their_turn_while_many_are_judged() -> None:
    town = crowd(bundle(often(1000)))
    many = [Principal(f"id of quiet-{number % 20}") for number in range(200)]
    turns = []

    async def others() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.ensure_future(others())
        await Guard(0.05, lambda since: many, town.clock)(town.gate, town.gate)
        task.cancel()

    asyncio.run(main())
    assert len(turns) >= 200 // module.SLICE


# --- comparing rungs -------------------------------------------------------------------------------------


def ladder(*rungs: tuple[str, float]) -> Ladder:
    return Ladder("l", tuple(Rung(name, at, at, Requires(), {}) for name, at in rungs))


STEPS = ladder(("watch", 20), ("narrow", 35), ("throttle", 50))


@given(st.sampled_from([None, "watch", "narrow", "throttle"]), st.sampled_from([None, "watch", "narrow"]))
def test_on_one_ladder_the_order_of_its_rungs_decides(was: str | None, will: str | None) -> None:
    order = [None, "watch", "narrow", "throttle"]
    assert higher(STEPS, STEPS, was, will) is (order.index(will) > order.index(was))


@pytest.mark.parametrize(
    ("was", "will", "climbs"),
    [
        ("narrow", "slow", False),  # the new rung stands where the old one stood
        ("narrow", "stop", True),
        ("throttle", "slow", False),
        ("watch", "slow", True),
        ("throttle", "stop", True),
    ],
)
def test_a_rung_that_is_gone_stands_where_its_threshold_would_be(was: str, will: str, climbs: bool) -> None:
    assert higher(STEPS, ladder(("slow", 35), ("stop", 60)), was, will) is climbs

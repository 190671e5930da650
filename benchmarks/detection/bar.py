"""The bar that detection is measured against: what must be reached, how early, by how many.

The figures are the project's goals; here they are only read off. A principal that never sent as many
requests as a row allows counts as missed unless it was met.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.detection.accounts import Account, Accounts
from benchmarks.detection.outcome import Alarms, Linked, leaked
from gateway.statistics import Share, share


@dataclass(frozen=True, slots=True)
class Goal:
    """At least this part of the scenarios' principals on a step within so many requests."""

    scenarios: tuple[str, ...]
    step: str
    within: int
    least: float


GOALS = (
    Goal(("logprob_harvest",), "narrow", 20, 0.95),
    Goal(("logprob_harvest",), "narrow", 10, 1.0),
    Goal(("self_instruct",), "throttle", 50, 0.85),
    Goal(("self_instruct",), "throttle", 20, 0.95),
    Goal(("preference_judging", "cot_elicitation", "alpaca_harvest"), "throttle", 150, 0.70),
    Goal(("preference_judging", "cot_elicitation", "alpaca_harvest"), "throttle", 50, 0.90),
    Goal(("low_and_slow", "paraphrased_harvest", "self_chat"), "throttle", 200, 0.50),
    Goal(("low_and_slow", "paraphrased_harvest", "self_chat"), "throttle", 100, 0.80),
    Goal(("agent_trajectory",), "throttle", 300, 0.30),
    Goal(("agent_trajectory",), "throttle", 300, 0.60),
)
"""Of each pair the first is the goal, the second the stretch."""

ANSWERS = 2000
"""What a hydra may obtain before its members are throttled."""


@dataclass(frozen=True, slots=True)
class Read:
    """One row of the bar, read off one setting."""

    what: str
    asked: str
    seen: Share | None
    value: float | None = None
    met: bool | None = None
    """None where the traffic holds nothing to read it off."""


def read_goals(accounts: Accounts, alarms: Mapping[str, Alarms]) -> list[Read]:
    """The recall rows; one per scenario, because a mean would hide the worst."""
    rows = []
    for goal in GOALS:
        for scenario in goal.scenarios:
            members = [own for own in accounts.values() if own.role.scenario == scenario]
            reached = [alarms[goal.step].get(own.role.id) for own in members if not own.role.benign]
            seen = share(sum(at is not None and at < goal.within for at in reached), len(reached))
            asked = f"≥ {goal.least:.0%} at {goal.step} within {goal.within}"
            met = None if seen.rate is None else seen.rate >= goal.least
            rows.append(Read(scenario, asked, seen, None, met))
    return rows


def read_cost(accounts: Accounts, alarms: Mapping[str, Alarms], posture: int, most: float) -> list[Read]:
    """The honest principals with a visible response (at most `most`), their worst class, their requests."""
    honest = [own for own in accounts.values() if own.role.benign]
    kinds: dict[str, list[Account]] = defaultdict(list)
    for own in honest:
        kinds[own.role.scenario].append(own)
    rates = {kind: _hit(own, alarms["narrow"]) for kind, own in kinds.items()}
    worst = max(rates, key=lambda kind: rates[kind].rate or 0.0, default="")
    touched = sum(sum(own.touched[posture]) for own in honest)
    requests = sum(map(len, honest))
    whole = _hit(honest, alarms["narrow"])
    part = touched / requests if requests else None
    rows = [
        Read("honest principals", f"≤ {most:.0%}", whole, met=_below(whole.rate, most)),
        Read("honest requests touched", "≤ 0.2 %", None, part, _below(part, 0.002)),
    ]
    if worst:
        rows.insert(
            1, Read(f"worst class: {worst}", "≤ 5 %", rates[worst], met=_below(rates[worst].rate, 0.05))
        )
    return rows


def _hit(members: Iterable[Account], alarms: Alarms) -> Share:
    found = [alarms.get(own.role.id) is not None for own in members]
    return share(sum(found), len(found))


def _below(value: float | None, most: float) -> bool | None:
    return None if value is None else value <= most


def read_campaigns(accounts: Accounts, alarms: Mapping[str, Alarms], linked: Iterable[Linked]) -> list[Read]:
    """What hydras obtained before their members were throttled, and the linking of their keys."""
    keys: dict[str, list[Account]] = defaultdict(list)
    for own in accounts.values():
        if own.role.scenario.startswith("hydra"):
            keys[own.role.campaign].append(own)
    rows = []
    for campaign, members in sorted(keys.items()):
        answers, _ = leaked(members, alarms["throttle"])
        wanted, _ = leaked(members, {})
        what = f"answers to {campaign}: {members[0].role.scenario}, {len(members)} keys"
        # A campaign that never asked for more proves nothing.
        met = answers <= ANSWERS if wanted > ANSWERS else None
        rows.append(Read(what, f"≤ {ANSWERS:,} of {wanted:,}", None, answers, met))
    for row in linked:
        for kind, seen, at, least in (("wrapped", row.wrapped, 15, 0.9), ("bare", row.bare, 30, 0.6)):
            if row.requests == at and seen.of:
                asked = f"≥ {least:.0%} linked at {at} requests"
                rows.append(Read(f"{kind} hydra members", asked, seen, None, (seen.rate or 0.0) >= least))
        if row.requests == 15 and row.innocents.of:
            rate = row.innocents.rate
            rows.append(Read("innocents among linked", "≤ 2 % at 15", row.innocents, met=_below(rate, 0.02)))
    return rows

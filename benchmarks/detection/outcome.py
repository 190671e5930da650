"""From alarms to figures: what was caught, how early, what was given away, and who was hit by mistake.

An alarm is the place of a principal's first request on which a detector spoke; which detector does not
matter here, so that the gateway and the baselines are measured by one ruler. Principals are counted, never
requests, with exact intervals (docs/evaluation.md says why).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.detection.accounts import Account, Accounts
from gateway.statistics import Share, share

Alarms = Mapping[str, int | None]
"""By principal: the place (from 0) of the first request with an alarm, None without one."""
HALF = 0.5
"""A campaign counts as caught when an alarm met at least this part of its principals."""


@dataclass(frozen=True, slots=True)
class Caught:
    """One scenario under one detector at one setting."""

    scenario: str
    campaigns: Share
    principals: Share
    requests: float | None
    """Median over caught principals: their requests up to and with the alarm."""
    hours: float | None
    """Median over caught principals: from their first request to the alarm."""
    answers: float
    """Median over campaigns: answers that were wanted and given before the principals' alarms."""
    tokens: float
    """The same in output tokens."""
    given: float
    """Those answers as a part of all that the scenario's campaigns wanted, 0…1."""


@dataclass(frozen=True, slots=True)
class Spared:
    """One class of honest principals."""

    kind: str
    principals: Share
    """With an alarm."""
    requests: int
    touched: int
    """Requests slowed, altered or refused; 0 for a detector that does not act."""


def rung_alarms(accounts: Accounts, posture: int, rung: int) -> dict[str, int | None]:
    """The first request on a rung or above."""
    return {name: first(account.rungs[posture], rung) for name, account in accounts.items()}


def score_alarms(
    scores: Mapping[str, Sequence[float]], threshold: Callable[[str], float]
) -> dict[str, int | None]:
    """The first request whose score reaches the principal's threshold."""
    # As Python's own numbers: numpy would round a threshold to the width of the value beside it.
    return {name: first(map(float, values), threshold(name)) for name, values in scores.items()}


def first(values: Iterable[float], least: float) -> int | None:
    """The place of the first value that is at least so high."""
    return next((at for at, value in enumerate(values) if value >= least), None)


def caught(accounts: Accounts, alarms: Alarms) -> list[Caught]:
    """Every scenario, by name."""
    groups: dict[str, list[Account]] = defaultdict(list)
    for account in accounts.values():
        if not account.role.benign:
            groups[account.role.scenario].append(account)
    return [_caught(name, groups[name], alarms) for name in sorted(groups)]


def _caught(scenario: str, members: list[Account], alarms: Alarms) -> Caught:
    campaigns: dict[str, list[Account]] = defaultdict(list)
    for account in members:
        campaigns[account.role.campaign].append(account)
    hit = [(account, at) for account in members if (at := alarms.get(account.role.id)) is not None]
    met = {account.role.id for account, _ in hit}
    whole = sum(
        sum(account.role.id in met for account in own) >= HALF * len(own) for own in campaigns.values()
    )
    lost = [leaked(own, alarms) for own in campaigns.values()]
    wanted = sum(_sum(account.answers, account.harvest) for account in members)
    return Caught(
        scenario,
        share(whole, len(campaigns)),
        share(len(hit), len(members)),
        median(at + 1 for _, at in hit) if hit else None,
        median((account.ts[at] - account.ts[0]) / 3600 for account, at in hit) if hit else None,
        median(answers for answers, _ in lost),
        median(tokens for _, tokens in lost),
        sum(answers for answers, _ in lost) / wanted if wanted else 0.0,
    )


def leaked(members: Iterable[Account], alarms: Alarms) -> tuple[int, int]:
    """(answers, output tokens) that were wanted and given before the alarm of each."""
    answers = tokens = 0
    for account in members:
        at = alarms.get(account.role.id)
        before = slice(0, len(account) if at is None else at)
        answers += _sum(account.answers[before], account.harvest[before])
        tokens += _sum(account.tokens[before], account.harvest[before])
    return answers, tokens


def _sum(values: Sequence[int], chosen: bytes | bytearray) -> int:
    return sum(value for value, taken in zip(values, chosen, strict=True) if taken)


def spared(accounts: Accounts, alarms: Alarms, posture: int | None = None) -> list[Spared]:
    """Every class of honest principals by name, and `all` of them last."""
    groups: dict[str, list[Account]] = defaultdict(list)
    for account in accounts.values():
        if account.role.benign:
            groups[account.role.scenario].append(account)
    whole = [account for own in groups.values() for account in own]
    return [_spared(name, own, alarms, posture) for name, own in (*sorted(groups.items()), ("all", whole))]


def _spared(kind: str, members: list[Account], alarms: Alarms, posture: int | None) -> Spared:
    touched = 0 if posture is None else sum(sum(account.touched[posture]) for account in members)
    hit = sum(alarms.get(account.role.id) is not None for account in members)
    return Spared(kind, share(hit, len(members)), sum(map(len, members)), touched)


def within(accounts: Accounts, alarms: Alarms, requests: int) -> tuple[Share, Share]:
    """(attackers, honest principals) with an alarm in their first requests, of those who sent as many."""
    counts = {False: [0, 0], True: [0, 0]}
    for name, account in accounts.items():
        if len(account) >= requests:
            at = alarms.get(name)
            counts[account.role.benign][0] += at is not None and at < requests
            counts[account.role.benign][1] += 1
    return share(*counts[False]), share(*counts[True])


def threshold(scores: Mapping[str, Sequence[float]], names: Iterable[str], allowed: int) -> float:
    """The lowest threshold at which at most `allowed` of these principals have an alarm."""
    peaks = sorted((float(max(scores[name], default=-math.inf)) for name in names), reverse=True)
    if len(peaks) <= allowed:
        return -math.inf
    # Just above the highest peak that must stay silent.
    return math.nextafter(peaks[allowed], math.inf)


@dataclass(frozen=True, slots=True)
class Linked:
    """How well keys of campaigns were joined, when members had sent so many requests each."""

    requests: int
    wrapped: Share
    """Members of campaigns over many keys that were linked by then, but for those without a template."""
    bare: Share
    """The same of campaigns without a template."""
    innocents: Share
    """Honest principals among all that were linked by then."""


def linking(accounts: Accounts, counts: Sequence[int]) -> list[Linked]:
    """For each number of requests: who stood in a campaign by then."""
    rows = []
    for count in counts:
        known = {name for name, own in accounts.items() if own.linked is not None and own.linked < count}
        honest = sum(accounts[name].role.benign for name in known)
        wrapped, bare = (_members(accounts, known, kind) for kind in ("hydra wrapped", "hydra bare"))
        rows.append(Linked(count, wrapped, bare, share(honest, len(known))))
    return rows


def _members(accounts: Accounts, known: set[str], scenario: str) -> Share:
    members = [name for name, own in accounts.items() if own.role.scenario == scenario]
    return share(sum(name in known for name in members), len(members))


def growth(accounts: Accounts, alarms: Alarms, scenario: str) -> list[tuple[float, float]]:
    """(requests sent, part of the scenario's principals with an alarm by then), for a plot."""
    members = [account for account in accounts.values() if account.role.scenario == scenario]
    places = sorted(at + 1 for account in members if (at := alarms.get(account.role.id)) is not None)
    return [(at, bisect_left(places, at + 1) / len(members)) for at in sorted(set(places))]

"""One key that carries both: some part of a harvest among the chats of unrelated people, as a relay does.

Every mixed key has the same number of requests, so that shares can be compared; its arrivals are random over
three days, because neither side's own rhythm would fit. Each share is replayed by itself: keys that hold the
same harvest in other shares would otherwise be linked to each other. The share of nothing is the control.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from benchmarks.detection.accounts import Accounts, Steps, drive
from benchmarks.detection.calibrate import cut
from benchmarks.detection.corpus import Corpus, Role, fraction, harvesting
from benchmarks.detection.gateway_results import ARMED, armed_scores
from benchmarks.detection.outcome import Alarms, rung_alarms
from gateway.model import Call
from gateway.policies.bundle import Bundle
from gateway.readers.base import Line
from gateway.statistics import Share, share

SHARES = (1.0, 0.5, 0.25, 0.1, 0.05, 0.0)
REQUESTS = 200
EACH = 4
"""Campaigns of one scenario."""
FILLER = "interactive_chat"
"""Whose requests stand between; where the traffic has no such class, the one with the most principals."""
SPAN = 3 * 86400.0


@dataclass(frozen=True, slots=True)
class Mixture:
    """What the mixed keys are made of."""

    harvests: Mapping[str, Sequence[Line]]
    """By principal, the lines that it was after."""
    filler: Sequence[Line]
    roles: Mapping[str, Role]


@dataclass(frozen=True, slots=True)
class Mixed:
    """Who was met at one share."""

    share: float
    detector: str
    met: dict[str, Share]
    """By scenario."""
    whole: Share


Study = Callable[[str, Call], None]


def ingredients(corpus: Corpus) -> Mixture:
    """Pick campaigns of one key, and the requests to hide them among."""
    hydras = {name for name, keys in Counter(r.campaign for r in corpus.roles.values()).items() if keys > 1}
    groups: dict[str, list[str]] = defaultdict(list)
    for name, role in sorted(corpus.roles.items(), key=lambda item: fraction(f"m:{item[0]}")):
        if not role.benign and role.campaign not in hydras and len(groups[role.scenario]) < EACH:
            groups[role.scenario].append(name)
    chosen = {name for own in groups.values() for name in own}
    classes = Counter(role.scenario for role in corpus.roles.values() if role.benign)
    kind = FILLER if FILLER in classes else next((name for name, _ in classes.most_common(1)), "")
    harvests: dict[str, list[Line]] = {name: [] for name in sorted(chosen)}
    filler = []
    for line in corpus.lines():
        role = corpus.roles[line.principal]
        if line.principal in chosen and harvesting(line.truth):
            if len(harvests[line.principal]) < REQUESTS:
                harvests[line.principal].append(line)
        elif role.benign and role.scenario == kind:
            filler.append(line)
    return Mixture({name: own for name, own in harvests.items() if own}, filler, corpus.roles)


def keys(mixture: Mixture, part: float) -> tuple[dict[str, Role], list[Line]]:
    """The mixed keys of one share, and all their lines by time."""
    wanted = round(part * REQUESTS)
    roles: dict[str, Role] = {}
    lines: list[Line] = []
    for name, harvest in mixture.harvests.items():
        # A key that never had so many requests of its kind would repeat itself, which it never did.
        if len(harvest) >= wanted:
            roles[name] = mixture.roles[name]
            lines += _one(name, harvest[:wanted], mixture.filler)
    return roles, sorted(lines, key=lambda line: line.ts)


def _one(name: str, harvest: Sequence[Line], filler: Sequence[Line]) -> Iterator[Line]:
    dice = random.Random(name)
    at = dice.randrange(len(filler)) if filler else 0
    others = [filler[(at + place) % len(filler)] for place in range(REQUESTS - len(harvest)) if filler]
    whose = [True] * len(harvest) + [False] * len(others)
    dice.shuffle(whose)
    begins = harvest[0].ts if harvest else others[0].ts if others else 0.0
    times = sorted(begins + dice.random() * SPAN for _ in whose)
    ours, theirs = iter(harvest), iter(others)
    first = harvest[0] if harvest else others[0] if others else None
    for ts, own in zip(times, whose, strict=True):
        line = next(ours if own else theirs)
        assert first is not None
        truth = "attack:mixed" if own else "attack:mixed-filler"
        # One key, one organisation, one client behind it: that is how a relay looks from outside.
        yield msgspec.structs.replace(
            line, ts=ts, principal=name, org=first.org, ip=first.ip, ua=first.ua, truth=truth
        )


def replay_share(bundle: Bundle, mixture: Mixture, part: float, study: Study) -> Accounts:
    """The mixed keys of one share through the gateway."""
    roles, lines = keys(mixture, part)
    return drive(bundle, roles, lines, study=study)


def gateway_rows(part: float, accounts: Accounts, marks: Steps, bars: Sequence[float]) -> list[Mixed]:
    """The armed ladder's steps and the calibrated score."""
    found = [
        mixed(part, f"gateway at {step}", accounts, rung_alarms(accounts, ARMED, rung))
        for step, rung in marks
    ]
    fitted = cut(accounts, armed_scores(accounts), bars)
    return [*found, mixed(part, "gateway, calibrated", accounts, fitted)]


def mixed(part: float, detector: str, accounts: Accounts, alarms: Alarms) -> Mixed:
    """Who was met, by scenario and in all."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for name, account in accounts.items():
        groups[account.role.scenario].append(alarms.get(name) is not None)
    met = {scenario: share(sum(own), len(own)) for scenario, own in sorted(groups.items())}
    every = [hit for own in groups.values() for hit in own]
    return Mixed(part, detector, met, share(sum(every), len(every)))

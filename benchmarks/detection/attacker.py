"""An attacker who has read the policies: what so many clean answers cost, against no gateway at all.

Each tactic is simulated at several paces, with every policy acting, and the attacker keeps the cheapest; as
the policies are public, so is the search. It wants text answers to instructions, each asked once. Cost is
account-days; a day that an account has begun counts whole, and an account that is throttled is burnt, because
new accounts cost effort whatever their age. An attacker may also stay in a throttled account and take what
the limit lets through: both ways are priced. Nothing here sends anything anywhere: the traffic is virtual.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import msgspec

from benchmarks.detection.accounts import GUESS, Account, Steps, drive
from benchmarks.detection.corpus import Corpus, Role, harvesting
from benchmarks.detection.gateway_results import ARMED
from benchmarks.detection.mixed import FILLER
from benchmarks.detection.outcome import rung_alarms
from benchmarks.detection.wording import Wording, worded
from gateway.policies.bundle import Bundle
from gateway.readers.base import Line

TARGETS = (1_000, 50_000, 1_000_000)
PER_DAY = 3_000
"""Answers that one account gets in a day without a gateway: two a minute, far below public rate limits."""
PACES = (3_000.0, 1_000.0, 100.0)
"""Requests of one account in a day."""
HORIZON, LEAST = 3 * 3600.0, 50
"""Each account is simulated for so many seconds, and for so many requests: until the ladder has settled."""
BURNT = 10
"""Requests of an account that is given up on purpose."""
SETTLED = 2 * 3600.0
"""What passes is only told of accounts that were watched for so long."""
DAY = 86400.0
BEGINS = 1_767_571_200.0
"""A Monday, at midnight."""


@dataclass(frozen=True, slots=True)
class Tactic:
    """What the attacker does, beside its pace."""

    name: str
    accounts: int = 1
    wording: Wording = "bare"
    filler: float = 0.0
    """Part of the requests that are other people's chats."""
    cadence: Literal["even", "people", "program"] = "even"
    parameters: Literal["fixed", "random"] = "fixed"
    repeats: float = 0.0
    """Part of the requests that ask again what was asked before, as a finite suite does."""
    burners: bool = False
    """Every account is given up after its few requests, before anything can be known of it."""


TACTICS = (
    Tactic("one wrapper", wording="wrapped"),
    Tactic("bare"),
    Tactic("spread over 20, one wrapper", 20, "wrapped"),
    Tactic("spread over 20, bare", 20),
    Tactic("burners, 10 requests each", 200, "wrapped", burners=True),
    Tactic("grammar, over 20", 20, "grammar"),
    Tactic("language model", wording="model"),
    Tactic("half filler, over 20", 20, "wrapped", filler=0.5),
    Tactic("honest program's cadence and repeats", 1, "wrapped", cadence="program", repeats=0.2),
    Tactic("random parameters, over 20", 20, "wrapped", parameters="random"),
    Tactic("all of it, over 40", 40, "grammar", filler=0.5, cadence="people", parameters="random"),
)


@dataclass(frozen=True, slots=True)
class Material:
    """What the attacker has: tasks to ask, chats to hide among, and gaps that an honest program leaves."""

    tasks: Sequence[str]
    rewritten: Sequence[str]
    """The first tasks in a model's words; none without one."""
    filler: Sequence[Line]
    gaps: Sequence[float]


@dataclass(frozen=True, slots=True)
class Price:
    """What a number of answers costs, in account-days, and as a multiple of no gateway."""

    target: int
    burnt: int
    """Accounts given up on the way there, when leaving."""
    leaving: float | None
    """Accounts are given up at `throttle`; None where nothing was obtained before it."""
    staying: float | None
    """Accounts are used on; None where nothing passed in the end, or nobody watched for long enough."""
    multiple: float | None
    """Of the cheaper way."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One tactic at one pace."""

    tactic: str
    pace: float
    accounts: int
    requests: int
    throttled: int
    """Accounts."""
    before: int
    """Answers obtained before `throttle`."""
    passed: int
    """Answers obtained in all."""
    prices: tuple[Price, ...]


def material(corpus: Corpus) -> Material:
    """Gather it from the traffic: attackers' short questions of one turn, chats, an honest program's gaps."""
    tasks: dict[str, None] = {}
    filler: list[Line] = []
    times: dict[str, list[float]] = {}
    for line in corpus.lines():
        role = corpus.roles[line.principal]
        if harvesting(line.truth):
            task = _task(line)
            if task is not None:
                tasks[task] = None
        elif role.benign and role.scenario == FILLER:
            filler.append(line)
        elif role.benign:
            times.setdefault(line.principal, []).append(line.ts)
    busiest = max(times.values(), key=len, default=[0.0, 1.0])
    gaps = [after - before for before, after in pairwise(busiest)] or [1.0]
    return Material(list(tasks), (), filler, gaps)


def _task(line: Line) -> str | None:
    try:
        body = msgspec.json.decode(line.request)
        (message,) = (said for said in body["messages"] if said["role"] != "system")
        text = message["content"]
    except (ValueError, KeyError, TypeError, msgspec.DecodeError):
        return None
    # Longer ones carry a template of the campaign's own, and answers to probabilities are no text answers.
    plain = isinstance(text, str) and 10 <= len(text) <= 400 and "logprobs" not in body
    return text if plain else None


# --- traffic ---------------------------------------------------------------------------------------------


def traffic(tactic: Tactic, pace: float, own: Material) -> Iterator[Line]:
    """The requests of all accounts, by time; the same in every run."""
    streams = [_account(tactic, pace, own, number) for number in range(tactic.accounts)]
    yield from sorted((line for stream in streams for line in stream), key=lambda line: line.ts)


def _account(tactic: Tactic, pace: float, own: Material, number: int) -> Iterator[Line]:
    dice = random.Random(f"{tactic.name}:{number}")
    tasks = own.rewritten if tactic.wording == "model" else own.tasks
    # Shards do not overlap: nobody pays twice for an answer.
    shard = tasks[number :: tactic.accounts]
    asked: list[str] = []
    now = BEGINS + dice.random() * 3600
    count = BURNT if tactic.burners else max(LEAST, int(pace * HORIZON / DAY))
    for place in range(count):
        now += _gap(tactic, pace, own, dice, place)
        if own.filler and dice.random() < tactic.filler:
            yield _filled(dice.choice(own.filler), tactic, number, now)
            continue
        again = bool(asked) and dice.random() < tactic.repeats
        if not again and len(asked) == len(shard):
            return
        text = dice.choice(asked) if again else shard[len(asked)]
        if not again:
            asked.append(text)
        body = _body(worded(text, tactic.wording, dice), tactic, dice, number)
        # What is asked again is no new answer.
        yield _line(tactic, number, now, body, "attack:adaptive-filler" if again else "attack:adaptive")


def _gap(tactic: Tactic, pace: float, own: Material, dice: random.Random, place: int) -> float:
    mean = DAY / pace
    if tactic.cadence == "people":
        return dice.expovariate(1.0 / mean)
    if tactic.cadence == "program":
        # Its own rhythm, at this pace.
        return own.gaps[place % len(own.gaps)] * mean / (sum(own.gaps) / len(own.gaps) or 1.0)
    return mean


def _body(text: str, tactic: Tactic, dice: random.Random, number: int) -> dict[str, Any]:
    said = [{"role": "user", "content": text}]
    if tactic.parameters == "fixed":
        return {"model": "frontier-large", "messages": said, "temperature": 0.7, "max_tokens": 1024}
    body: dict[str, Any] = {"model": f"frontier-{dice.choice(('large', 'medium', 'mini'))}", "messages": said}
    for name, values in (
        ("temperature", (0, 0.3, 0.7, 1)),
        ("max_tokens", (512, 1024, 2048)),
        ("top_p", (0.9, 1)),
    ):
        if dice.random() < 0.5:
            body[name] = dice.choice(values)
    return body


def _filled(line: Line, tactic: Tactic, number: int, now: float) -> Line:
    body = msgspec.json.decode(line.request)
    return _line(tactic, number, now, body, "attack:adaptive-filler")


def _line(tactic: Tactic, number: int, now: float, body: dict[str, Any], truth: str) -> Line:
    return Line(
        ts=now,
        principal=f"attacker-{number}",
        org=f"attacker-org-{number}",
        ip=f"198.51.100.{number + 1}",
        ua="python-httpx/0.27",
        truth=truth,
        request=msgspec.Raw(msgspec.json.encode(body)),
        usage={"prompt_tokens": 50, "completion_tokens": GUESS},
    )


# --- what it costs ---------------------------------------------------------------------------------------


def attempts(bundle: Bundle, own: Material, marks: Steps) -> Iterator[Attempt]:
    """Every tactic at every pace."""
    for tactic in TACTICS:
        if tactic.wording != "model" or own.rewritten:
            for pace in PACES:
                yield attempt(bundle, tactic, pace, own, marks)


def attempt(bundle: Bundle, tactic: Tactic, pace: float, own: Material, marks: Steps) -> Attempt:
    """Simulate one and price it."""
    roles = {
        f"attacker-{at}": Role(f"attacker-{at}", False, "adaptive", tactic.name, tactic.name)
        for at in range(tactic.accounts)
    }
    accounts = drive(bundle, roles, traffic(tactic, pace, own))
    alarms = rung_alarms(accounts, ARMED, marks.throttle)
    lost = sum(at is not None for at in alarms.values())
    kept = [_leaving(tactic, pace, account, alarms[name]) for name, account in accounts.items()]
    before = sum(answers for answers, _ in kept)
    leaving = _rate(before, sum(days for _, days in kept))
    ends = [_staying(pace, account) for account in accounts.values() if not tactic.burners]
    staying = _rate(sum(answers for answers, _ in ends), sum(days for _, days in ends))
    burnt = _rate(len(accounts) if tactic.burners else lost, before)
    return Attempt(
        tactic.name,
        pace,
        len(accounts),
        sum(map(len, accounts.values())),
        lost,
        before,
        sum(sum(_passed(account)) for account in accounts.values()),
        tuple(price(target, leaving, staying, burnt) for target in TARGETS),
    )


def _leaving(tactic: Tactic, pace: float, account: Account, alarm: int | None) -> tuple[int, float]:
    """(answers, days) of an account that is given up at `throttle`, or before on purpose."""
    end = len(account) if alarm is None else alarm
    answers = sum(account.harvest[:end])
    if alarm is None and not tactic.burners:
        return answers, len(account) / pace
    last = min(end, len(account) - 1)
    return answers, math.ceil(max(account.ts[last] - account.ts[0], 1.0) / DAY)


def _staying(pace: float, account: Account) -> tuple[int, float]:
    """(answers, days) of the last third of an account; nothing of one that was not watched for long."""
    if account.ts[-1] - account.ts[0] < SETTLED:
        return 0, 0.0
    # What it gets in the end is what it goes on to get.
    late = _passed(account)[len(account) * 2 // 3 :]
    return sum(late), len(late) / pace


def _passed(account: Account) -> list[bool]:
    """Whether each request brought a wanted answer."""
    rows = zip(account.harvest, account.refused[ARMED], strict=True)
    return [bool(wanted and not refused) for wanted, refused in rows]


def _rate(answers: float, days: float) -> float:
    return answers / days if days else 0.0


def price(target: int, leaving: float, staying: float, burnt: float) -> Price:
    """What `target` answers cost at these answers per account-day, begun days counting whole.

    `burnt` are accounts given up per answer.
    """
    # A little less, because sums of fractions of days are not exact.
    costs = [float(math.ceil(target / rate - 1e-6)) if rate else None for rate in (leaving, staying)]
    cheapest = min((cost for cost in costs if cost is not None), default=None)
    free = math.ceil(target / PER_DAY)
    return Price(
        target, math.ceil(target * burnt), costs[0], costs[1], None if cheapest is None else cheapest / free
    )


def cheapest(found: Sequence[Attempt], target: int) -> tuple[Attempt, Price] | None:
    """What the attacker would choose."""
    priced = [(own, price) for own in found for price in own.prices if price.target == target]
    possible = [(own, price) for own, price in priced if price.multiple is not None]
    return min(possible, key=lambda pair: pair[1].multiple or 0.0, default=None)

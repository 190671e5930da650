"""One principal's way through the gateway, request by request: the raw material of every figure.

Filled by a replay through the very code of `gateway replay`; held as compact arrays, some 30 bytes a
request. What follows from it is worked out in `benchmarks.detection.outcome`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.detection.corpus import Role, harvesting
from gateway.adapters.replay import Nobody, Player
from gateway.gate import Gate
from gateway.model import Call, Mode
from gateway.policies.bundle import Bundle, Ladder
from gateway.readers.base import Line
from gateway.records import Record
from gateway.stores.memory import MemoryStore

GUESS = 250
"""Output tokens of an answer whose length nobody recorded: about what instruction data hold."""
POSTURES = ("shipped", "armed")
"""The policies in their own modes (under the ceiling `enforce`), and all of them as if they acted."""
OUTSIDE = -1
"""No rung."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The rungs that the benchmark speaks of, as places on the ladder; a missing one is past its end."""

    names: tuple[str, ...]
    watch: int
    narrow: int
    """The first with a response that the client could notice."""
    throttle: int
    """The first that slows or refuses."""

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter((("watch", self.watch), ("narrow", self.narrow), ("throttle", self.throttle)))


def steps(ladder: Ladder) -> Steps:
    """Where a ladder begins to be seen and to be felt, whatever its rungs are called."""
    names = tuple(rung.id for rung in ladder.rungs)
    felt = {"limit", "delay", "reject"}

    def first(having: Callable[[set[str]], bool]) -> int:
        return next((at for at, rung in enumerate(ladder.rungs) if having(set(rung.actions))), len(names))

    return Steps(names, 0, first(lambda does: bool(does - {"log"})), first(lambda does: bool(does & felt)))


@dataclass(slots=True)
class Account:
    """One principal; the arrays run in parallel, one place a request."""

    role: Role
    ts: array[float] = field(default_factory=lambda: array("d"))
    harvest: bytearray = field(default_factory=bytearray)
    """1 where the request is one that an attacker is after."""
    answers: array[int] = field(default_factory=lambda: array("I"))
    tokens: array[int] = field(default_factory=lambda: array("I"))
    """Output tokens of all answers to the request, recorded or guessed."""
    scores: tuple[array[float], array[float]] = field(default_factory=lambda: (array("f"), array("f")))
    """By posture: the total, faded peaks included."""
    rungs: tuple[array[int], array[int]] = field(default_factory=lambda: (array("b"), array("b")))
    touched: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    """By posture: 1 where the request was or would have been slowed, altered or refused."""
    refused: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    linked: int | None = None
    """The request at which it first stood in a campaign, from 0."""
    found: str | None = None
    """The campaign that it was put into last."""

    def __len__(self) -> int:
        return len(self.ts)

    def add(self, line: Line, record: Record, places: Mapping[str, int]) -> None:
        """One more request."""
        self.ts.append(line.ts)
        self.harvest.append(harvesting(line.truth))
        answers, tokens = cost(record)
        self.answers.append(answers)
        self.tokens.append(tokens)
        standings = (record.enforced, record.shadow)
        for at, (standing, done) in enumerate(zip(standings, (record.applied, record.would), strict=True)):
            self.scores[at].append(standing.score)
            self.rungs[at].append(OUTSIDE if standing.rung is None else places[standing.rung])
            self.touched[at].append(bool(set(done) - {"log"}))
            self.refused[at].append(bool({"reject", "limit"} & set(done)))
        campaign = getattr(record, "campaign", None)
        if campaign is not None:
            self.found = str(campaign)
            if self.linked is None:
                self.linked = len(self.ts) - 1


Accounts = Mapping[str, Account]


def cost(record: Record) -> tuple[int, int]:
    """(answers, output tokens) of a call, as recorded, or guessed from what was asked."""
    asked = None if record.call is None else record.call.parameters
    answers = 1 if asked is None else max(asked.n, 1) * (record.call.prompts if record.call else 1)
    if record.usage is not None and record.usage.output_tokens:
        return answers, record.usage.output_tokens
    longest = None if asked is None else asked.max_tokens
    return answers, answers * (GUESS if longest is None else min(longest, GUESS))


def drive(
    bundle: Bundle,
    roles: Mapping[str, Role],
    lines: Iterable[Line],
    *,
    study: Callable[[str, Call], None] = lambda name, call: None,
    tick: Callable[[int], None] = lambda done: None,
) -> dict[str, Account]:
    """Replay lines of these principals; `study` is shown every call, for detectors to compare with."""
    gate = Gate(bundle, Mode.ENFORCE, MemoryStore(1_000_000), Nobody())
    places = {rung.id: at for at, rung in enumerate(bundle.ladder.rungs)}
    accounts = {name: Account(role) for name, role in roles.items()}
    player = Player(gate)
    number = 0
    for number, line in enumerate(lines, 1):
        record = player.play(line, number)
        accounts[line.principal].add(line, record, places)
        if record.call is not None:
            study(line.principal, record.call)
        if number % 200 == 0:
            tick(200)
    tick(number % 200)
    return {name: account for name, account in accounts.items() if len(account)}

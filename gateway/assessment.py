"""One bundle's view of one call: which policies it concerns, what they score, and which rung that leads to.

Here are the readings of one plan and what follows from them by arithmetic. When each step is due, and what
is done about a rung, is the business of `gateway.engine`, which assesses every call under the active bundle
and, where there is one, under a candidate that never acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from gateway import ladder
from gateway.actions.base import Action
from gateway.breaker import OPEN
from gateway.fields import Facts
from gateway.model import (
    Batch,
    Mode,
    Op,
    PolicyScore,
    Reading,
    Register,
    SignalScore,
    Standing,
    Tally,
)
from gateway.observations import Ledger
from gateway.plan import FIRST, FIRST_AT, LADDER_AT, Plan, PlannedPolicy, PlannedSignal, Population
from gateway.policies.bundle import Exemption
from gateway.relief import Relief, in_force, tally
from gateway.score import corroborating, points, policy_mode, signal_score, total
from gateway.signals.base import Step
from gateway.signals.kind import LEAST, kind

_ENFORCE, _DISABLED = Mode.ENFORCE, Mode.DISABLED
ENFORCED, SHADOW = 0, 1
"""Positions of the two tracks, here and in every pair of numbers."""


class _Concern:
    """A policy in its effective mode, its peaks so far, and the signals that gave a verdict with theirs."""

    __slots__ = ("held", "mode", "planned", "points", "scores", "signals")

    def __init__(self, planned: PlannedPolicy, mode: Mode, held: tuple[float, float]) -> None:
        self.planned, self.mode, self.held = planned, mode, held
        self.signals: list[PlannedSignal] = []
        self.scores: list[SignalScore] = []
        self.points = (0.0, 0.0)
        """This call's, on both tracks; `count` after the scores have changed."""

    def count(self) -> None:
        """Make points of the scores."""
        self.points = points(self.planned.policy, self.scores)

    def total(self) -> PolicyScore:
        """What the policy says, its peaks included."""
        (enforced, shadow), (hard, soft) = self.held, self.points
        if not (soft or shadow or enforced):
            return self.planned.silent[self.mode]
        return PolicyScore(
            self.planned.policy.id,
            self.mode,
            soft,
            max(enforced, hard),
            max(shadow, soft),
        )


class Writes:
    """Operations for the two batches, each counter once: detectors that share one ask for the same.

    What is written to `elsewhere` counters is dropped: somebody else keeps them.
    """

    def __init__(self, elsewhere: frozenset[str] = frozenset()) -> None:
        self._ops: tuple[dict[str, Op], dict[str, Op]] = ({}, {})
        self.elsewhere = elsewhere

    def add(self, batch: int, ops: Iterable[Op]) -> None:
        """Operations for one of the batches."""
        mine, elsewhere = self._ops[batch], self.elsewhere
        for op in ops:
            if op.key not in elsewhere:
                mine[op.key] = op

    def total(self, batch: int, reads: Op, amounts: list[tuple[int, float]]) -> None:
        """Amounts for a ledger of one of the batches."""
        assert isinstance(reads, Ledger)
        known = self._ops[batch].get(reads.key)
        if isinstance(known, Ledger):
            amounts += known.amounts
        self._ops[batch][reads.key] = Ledger(reads.key, reads.over, reads.slices, reads.names, amounts)

    def batches(self, scopes: Sequence[str], last: Sequence[Op] = ()) -> list[Batch]:
        """The batches; `last` comes at the end of the own one."""
        own: Batch = (scopes[0], [*self._ops[0].values(), *last])
        return [own, (scopes[1], [*self._ops[1].values()])] if self._ops[1] else [own]


class Assessment:
    """One call under one bundle: `ask`, then `assess`, then whatever else in the engine's order."""

    def __init__(self, plan: Plan, ceiling: Mode, facts: Facts) -> None:
        who = facts.principal
        self.plan = plan.concerning(who)
        self.policies: tuple[PolicyScore, ...] = ()
        self.skipped = dict.fromkeys(sorted(self.plan.opened), OPEN)
        """Signals that could not run, and the class of the error."""
        self.scopes = (who.id, who.id if who.org is None else f"org:{who.org}")
        self._ceiling = min(ceiling, self.plan.ceiling)
        self._facts = facts
        self._readings: Sequence[Sequence[Reading]] = ()
        self._present: Sequence[bool] = ()
        """Which of the plan's populations the call is in."""
        self._since = (0.0, 0.0)
        self._given: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
        self._concerns: list[_Concern] = []
        self._relief: Relief | None = None

    @property
    def asked(self) -> int:
        """How many batches `ask` makes."""
        return 2 if self.plan.batches[1] else 1

    def ask(self) -> list[Batch]:
        """Everything to read before deciding; the same for every call of a principal."""
        own, shared = self.plan.batches
        return [(self.scopes[0], own), (self.scopes[1], shared)] if shared else [(self.scopes[0], own)]

    def assess(self, readings: Sequence[Sequence[Reading]]) -> None:
        """Score the call; `readings` answer `ask`, and the facts know its time."""
        self._readings = readings
        # The register holds when the scope was first seen; nothing yet means now.
        firsts = [batch[FIRST_AT].values or (self._facts.now,) for batch in readings]
        self._since = (firsts[0][0], firsts[-1][0])
        facts, profile = self._facts, self.plan.profile
        if profile is not None:
            facts.workload = kind(readings[0][profile].values, LEAST)
        self._present = [one.match is None or one.match.weigh(facts) > 0.0 for one in self.plan.populations]
        scores = [self._policy(planned) for planned in self.plan.policies]
        exemptions = self.plan.bundle.exemptions
        if exemptions and (force := in_force(exemptions, self._facts)):
            self._soften(force, scores)
            softer = {concern.planned.policy.id: concern.total() for concern in self._concerns}
            scores = [softer.get(score.id, score) for score in scores]
        self.policies = tuple(scores)
        self._given = _given(scores)

    # --- what was found ---------------------------------------------------------------------------

    def signals(self) -> tuple[SignalScore, ...]:
        """Every verdict so far."""
        return tuple(score for concern in self._concerns for score in concern.scores)

    def campaign(self) -> str | None:
        """The campaign that a signal put the principal in."""
        named = (score.campaign for concern in self._concerns for score in concern.scores)
        return next(filter(None, named), None)

    def exemptions(self) -> tuple[Tally, ...]:
        """The exemptions that held for this call, and what they took off."""
        if self._relief is None:
            return ()
        return tally((concern.planned.policy, concern.scores) for concern in self._concerns)

    def counters(self) -> frozenset[str]:
        """The fingerprints of what this call is counted under."""
        signals = [planned for concern in self._concerns for planned in concern.planned.signals]
        for population in self._concerned(self.plan.stepping["study"]):
            signals += population.steps["study"]
        return frozenset(op.key for planned in signals for op in planned.signal.detector.reads)

    def release(self) -> None:
        """Let go of what only signals that wait for the answer would need, where there are none."""
        if not any(concern.planned.late for concern in self._concerns):
            self._concerns.clear()

    def late(self) -> bool:
        """Score the signals that needed the answer; whether any gave a verdict."""
        found = False
        for concern in self._concerns:
            if concern.planned.late and self._score(concern, concern.planned.late):
                found = True
        return found

    # --- what to write ----------------------------------------------------------------------------

    def first(self, writes: Writes) -> None:
        """Since when the principal and its organisation are known, if they were not."""
        for batch, readings in enumerate(self._readings):
            if not readings[FIRST_AT].values:
                writes.add(batch, (Register(FIRST.key, (self._facts.now,)),))

    def peaks(self, writes: Writes) -> None:
        """This call's points, where they are any."""
        for concern in self._concerns:
            if concern.points[1]:
                planned = concern.planned
                writes.add(planned.batch, (replace(planned.peak, points=concern.points),))

    def each(self, step: Step, writes: Writes) -> None:
        """What the signals concerned want counted at `step`; one that fails is skipped and named."""
        facts = self._facts
        for population in self._concerned(self.plan.stepping[step]):
            readings = self._readings[population.batch]
            for planned in population.steps[step]:
                detector = planned.signal.detector
                try:
                    if step == "study":
                        ops = detector.study(facts, planned.readings(readings))
                    else:
                        ops = detector.enter(facts) if step == "enter" else detector.settle(facts)
                except Exception as error:  # noqa: BLE001  one signal's bug must not decide the call
                    self.skipped[planned.name] = type(error).__name__
                else:
                    if ops:
                        writes.add(population.batch, ops)

    def _concerned(self, places: Sequence[int]) -> list[Population]:
        """Those of these populations that the call is in."""
        if self._ceiling is _DISABLED:
            return []
        present, populations = self._present, self.plan.populations
        return [populations[place] for place in places if present[place]]

    def gauge(self, step: Step, writes: Writes) -> None:
        """Add up what is due at `step`; a gauge that fails counts nothing, and its signals are named."""
        facts, elsewhere = self._facts, writes.elsewhere
        for population in self._concerned(self.plan.gauging[step]):
            for place, gauges in population.gauges[step]:
                amounts: list[tuple[int, float]] = []
                for planned in gauges:
                    gauge, column = planned.gauge, planned.column
                    if elsewhere and gauge.sum.key in elsewhere:
                        continue
                    try:
                        amount = gauge.amount(facts)
                    except Exception as error:  # noqa: BLE001  as above
                        self.skipped |= dict.fromkeys(planned.signals, type(error).__name__)
                        continue
                    if amount is None:
                        continue
                    if gauge.calls:
                        amounts.append((column, 1.0))
                        column += 1
                    if amount:
                        amounts.append((column, amount))
                if amounts:
                    writes.total(population.batch, self.plan.batches[population.batch][place], amounts)

    def climb(self, track: int, writes: Writes) -> tuple[Standing, Mapping[str, Action]]:
        """Where the principal stands on one track, and the actions of its rung."""
        given = self._given[track]
        score = total(given)
        memory = self._readings[0][LADDER_AT + track].values
        floor = self._floor(track)
        if not score and not memory and floor < 0:
            return Standing(), {}
        facts = self._facts
        began = facts.principal.since if facts.principal.since is not None else facts.first_seen
        age = facts.now - (facts.now if began is None else began)
        obeys = track == SHADOW or self._ceiling is _ENFORCE
        state = ladder.Climb(score, corroborating(given), age, floor, facts.now, obeys)
        index, after = ladder.climb(self.plan.bundle.ladder, memory, state)
        writes.add(0, (Register(self.plan.ladders[track].key, after),))
        held = obeys and ladder.held(after)
        if index < 0:
            return Standing(score, held=held), {}
        rung = self.plan.bundle.ladder.rungs[index]
        return Standing(score, rung.id, tuple(rung.actions), held), rung.actions

    # --- scoring ----------------------------------------------------------------------------------

    def _policy(self, planned: PlannedPolicy) -> PolicyScore:
        """What one policy says of this call; those that it concerns are remembered."""
        policy = planned.policy
        mode = planned.modes[self._ceiling]
        if mode is None:
            mode = policy_mode(policy, self._ceiling, self._facts.principal)
        if mode is _DISABLED:
            return planned.silent[mode]
        enforced, shadow = self._readings[planned.batch][planned.peaks].values
        hard = shadow if policy.carry else enforced
        held = (hard if mode is _ENFORCE else 0.0, shadow)
        if not self._present[planned.population]:
            return PolicyScore(policy.id, mode, 0.0, *held) if shadow or hard else planned.silent[mode]
        concern = _Concern(planned, mode, held)
        self._concerns.append(concern)
        self._score(concern, planned.early)
        return concern.total() if concern.points[1] or shadow or hard else planned.silent[mode]

    def _score(self, concern: _Concern, signals: Sequence[PlannedSignal]) -> bool:
        """Read these signals of the policy; whether any gave a verdict."""
        batch, facts, scores = concern.planned.batch, self._facts, concern.scores
        readings, since, mode, now = self._readings[batch], self._since[batch], concern.mode, facts.now
        before, every, points = len(scores), concern.planned.policy.combine == "all", 0.0
        for planned in signals:
            signal = planned.signal
            try:
                measure = signal.detector.read(facts, planned.readings(readings))
            except Exception as error:  # noqa: BLE001  as above
                self.skipped[planned.name] = type(error).__name__
                continue
            if measure is None:
                if every:
                    break  # whatever the others say, the policy gives nothing
                continue
            seen, warming = now - (max(planned.born, since)), None
            if seen < planned.window:
                warming = max(0.0, seen / planned.window)
            own = signal.mode
            score = signal_score(planned.name, signal, min(mode, own), measure, warming)
            if self._relief is not None:
                score = self._relief.soften(planned.name, signal, score)
            concern.signals.append(planned)
            scores.append(score)
            points += score.points
            if every and not score.points:
                break
        if points:
            concern.count()
        return len(scores) > before

    def _soften(self, force: tuple[Exemption, ...], without: Sequence[PolicyScore]) -> None:
        enforced, shadow = _given(without)
        relief = Relief(force, total(enforced), total(shadow))
        self._relief = relief
        for concern in self._concerns:
            concern.scores = [
                relief.soften(planned.name, planned.signal, score)
                for planned, score in zip(concern.signals, concern.scores, strict=True)
            ]
            concern.count()

    def _floor(self, track: int) -> int:
        """The highest rung that a signal at full strength lifts to, or -1."""
        least = Mode.SHADOW if track == SHADOW else Mode.ENFORCE
        highest = -1
        for concern in self._concerns:
            if concern.planned.floors:
                for planned, score in zip(concern.signals, concern.scores, strict=True):
                    if planned.floor > highest and score.mode >= least and score.strength == 1.0:
                        highest = planned.floor
        return highest


def _given(scores: Sequence[PolicyScore]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What each policy gives on the two tracks."""
    return tuple([score.enforced for score in scores]), tuple([score.shadow for score in scores])

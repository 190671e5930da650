"""One transaction per call: ask → decide → admit → study → settle. The only place that knows the order.

Each verb takes what the store answered to the batches of the verb before and returns the batches to apply
next; drivers carry the two back and forth (`judge` does it for the first three) and never look inside.
Time, ids and readings are arguments: nothing here waits, stores or reads a clock.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway import ladder, turns
from gateway.actions.base import Action, Editor
from gateway.dialects.base import Dialect, Object
from gateway.fields import Facts
from gateway.model import (
    Batch,
    Call,
    Client,
    Decision,
    Mode,
    Op,
    Outcome,
    Peaks,
    PolicyScore,
    Principal,
    Reading,
    Refusal,
    Register,
    SignalScore,
    Standing,
)
from gateway.plan import FIRST, FIRST_AT, LADDER_AT, TURNS_AT, Plan, PlannedPolicy, PlannedSignal
from gateway.score import corroborating, points, policy_mode, signal_score, total
from gateway.stores.base import Store

_ENFORCED, _SHADOW = 0, 1
"""Positions of the two tracks, here and in every pair of numbers."""


def _enforced(score: PolicyScore) -> float:
    return score.enforced


def _shadow(score: PolicyScore) -> float:
    return score.shadow


def _edits(action: Action) -> bool:
    return type(action).edit_request is not Action.edit_request


@dataclass(slots=True)
class _Concern:
    """A policy that this call concerns, in its effective mode, with the scores of its signals."""

    planned: PlannedPolicy
    mode: Mode
    scores: list[SignalScore]


class _Writes:
    """Operations for the two batches, each counter once: detectors that share one ask for the same."""

    def __init__(self) -> None:
        self._ops: tuple[dict[str, Op], dict[str, Op]] = ({}, {})

    def add(self, batch: int, ops: Iterable[Op]) -> None:
        for op in ops:
            self._ops[batch][op.key] = op

    def batches(self, scopes: Sequence[str], last: Sequence[Op] = ()) -> list[Batch]:
        """The batches; `last` comes at the end of the own one."""
        own: Batch = (scopes[0], [*self._ops[0].values(), *last])
        return [own, (scopes[1], [*self._ops[1].values()])] if self._ops[1] else [own]


class Transaction:
    """One call on its way through the engine. Use each verb once, in order."""

    def __init__(
        self,
        plan: Plan,
        ceiling: Mode,
        call: Call,
        dialect: Dialect,
        body: Object,
        principal: Principal,
        client: Client,
        decision_id: str,
    ) -> None:
        self.call = call
        self.dialect = dialect
        self.body = body
        self.principal = principal
        self.client = client
        self.decision = Decision(decision_id, plan.bundle.hash)
        self.edited: Object | None = None
        """The body to send in place of the client's, when an enforced action changed it."""
        self.editors: list[Editor] = []
        """Enforced editors of the answer, in the ladder's order."""
        self._plan = plan
        self._ceiling = ceiling
        self._facts = Facts(call, principal, client, 0.0)
        shared = principal.id if principal.org is None else f"org:{principal.org}"
        self._scopes = (principal.id, shared)
        self._readings: Sequence[Sequence[Reading]] = ()
        self._skipped: dict[str, str] = {}
        self._concerns: list[_Concern] = []
        self._takes: list[tuple[int, Action]] = []
        self._plans: list[Mapping[str, Action]] = [{}, {}]

    # --- the verbs --------------------------------------------------------------------------------

    def ask(self) -> list[Batch]:
        """Everything to read before deciding; the same for every call of a principal."""
        own, shared = self._plan.batches
        return [(self._scopes[0], own), (self._scopes[1], shared)] if shared else [(self._scopes[0], own)]

    def decide(self, readings: Sequence[Sequence[Reading]], now: float) -> list[Batch]:
        """Score the call; returns what to count and which tokens to take."""
        self._readings = readings
        facts, own = self._facts, readings[0]
        first = own[FIRST_AT].values
        facts.now, facts.first_seen = now, first[0] if first else now
        facts.fresh = turns.fresh(self.call.turns, own[TURNS_AT].data)
        policies = [self._evaluate(planned) for planned in self._plan.policies]
        writes = _Writes()
        if not first:
            writes.add(0, (Register(FIRST.key, (now,)),))
        writes.add(0, turns.enter(self.call.turns))
        standings = [self._climb(policies, track, now, writes) for track in (_ENFORCED, _SHADOW)]
        self.decision = replace(
            self.decision,
            enforced=standings[_ENFORCED],
            shadow=standings[_SHADOW],
            signals=self._signals(),
            policies=tuple(policies),
            skipped=self._skipped,
        )
        self._peaks(writes)
        self._each(writes, lambda planned, _: planned.signal.detector.enter(facts))
        return writes.batches(self._scopes, self._take())

    def admit(self, readings: Sequence[Sequence[Reading]]) -> Decision:
        """Turn the rungs into what happens to this call, knowing which tokens were granted."""
        own = readings[0]
        granted = own[len(own) - len(self._takes) :]
        empty: dict[int, tuple[Action, float]] = {
            track: (action, reading.values[1])
            for (track, action), reading in zip(self._takes, granted, strict=True)
            if not reading.values[0]
        }
        refusal, delay, applied = self._respond(_ENFORCED, empty.get(_ENFORCED))
        _, _, would = self._respond(_SHADOW, empty.get(_SHADOW))
        if refusal or applied or would:
            self.decision = replace(self.decision, refusal=refusal, delay=delay, applied=applied, would=would)
        return self.decision

    def study(self) -> list[Batch]:
        """The costly features, computed after the request was forwarded; returns what to count."""
        writes = _Writes()
        self._each(writes, lambda planned, readings: planned.signal.detector.study(self._facts, readings))
        return writes.batches(self._scopes)

    def settle(self, outcome: Outcome) -> list[Batch]:
        """The answer has ended: count what it cost, and read the signals that needed it."""
        self._facts.outcome = outcome
        late = [concern for concern in self._concerns if self._score(concern, late=True)]
        writes = _Writes()
        if late:
            self.decision = replace(self.decision, signals=self._signals())
            self._peaks(writes)
        self._each(writes, lambda planned, _: planned.signal.detector.settle(self._facts))
        return writes.batches(self._scopes)

    # --- scoring ----------------------------------------------------------------------------------

    def _evaluate(self, planned: PlannedPolicy) -> PolicyScore:
        policy = planned.policy
        mode = policy_mode(policy, self._ceiling, self.principal)
        if mode is Mode.DISABLED:
            return PolicyScore(policy.id, mode, 0.0, 0.0, 0.0)
        enforced, shadow = self._readings[planned.batch][planned.peaks].values
        if mode is not Mode.ENFORCE:
            enforced = 0.0
        if policy.match is not None and not policy.match.weigh(self._facts):
            return PolicyScore(policy.id, mode, 0.0, enforced, shadow)
        concern = _Concern(planned, mode, [])
        self._concerns.append(concern)
        self._score(concern, late=False)
        hard, soft = points(policy, concern.scores)
        return PolicyScore(policy.id, mode, soft, max(enforced, hard), max(shadow, soft))

    def _score(self, concern: _Concern, *, late: bool) -> bool:
        """Read the policy's signals that are (or are not) late; whether any gave a verdict."""
        before = len(concern.scores)
        readings = self._readings[concern.planned.batch]
        for planned in concern.planned.signals:
            signal = planned.signal
            if signal.detector.late is not late:
                continue
            try:
                measure = signal.detector.read(self._facts, [readings[at] for at in planned.readings])
            except Exception as error:  # noqa: BLE001  one signal's bug must not decide the call
                self._skipped[planned.name] = type(error).__name__
                continue
            if measure is not None:
                mode = min(concern.mode, signal.mode)
                concern.scores.append(signal_score(planned.name, signal, mode, measure))
        return len(concern.scores) > before

    def _signals(self) -> tuple[SignalScore, ...]:
        return tuple(score for concern in self._concerns for score in concern.scores)

    def _each(self, writes: _Writes, ask: Callable[[PlannedSignal, Sequence[Reading]], Sequence[Op]]) -> None:
        """What every signal concerned wants counted; one that fails is skipped and named."""
        for concern in self._concerns:
            batch = concern.planned.batch
            readings = self._readings[batch]
            for planned in concern.planned.signals:
                try:
                    ops = ask(planned, [readings[at] for at in planned.readings])
                except Exception as error:  # noqa: BLE001  as above
                    self._skipped[planned.name] = type(error).__name__
                else:
                    writes.add(batch, ops)

    def _peaks(self, writes: _Writes) -> None:
        for concern in self._concerns:
            policy = concern.planned.policy
            now = points(policy, concern.scores)
            if any(now):
                writes.add(concern.planned.batch, (Peaks(concern.planned.peak_key, policy.half_life, now),))

    def _climb(self, policies: Sequence[PolicyScore], track: int, now: float, writes: _Writes) -> Standing:
        pick = _shadow if track else _enforced
        score = total(policies, pick)
        memory = self._readings[0][LADDER_AT + track].values
        floor = self._floor(track)
        if not score and not memory and floor < 0:
            return Standing()
        began = self.principal.since if self.principal.since is not None else self._facts.first_seen
        age = now - (now if began is None else began)
        state = ladder.Climb(score, corroborating(policies, pick), age, floor, now)
        index, after = ladder.climb(self._plan.bundle.ladder, memory, state)
        writes.add(0, (Register(self._plan.ladders[track].key, after),))
        if index < 0:
            return Standing(score)
        rung = self._plan.bundle.ladder.rungs[index]
        self._plans[track] = rung.actions
        return Standing(score, rung.id, tuple(rung.actions))

    def _floor(self, track: int) -> int:
        """The highest rung that a signal at full strength lifts to, or -1."""
        least = Mode.SHADOW if track else Mode.ENFORCE
        floors = [
            planned.floor
            for concern in self._concerns
            for planned in concern.planned.signals
            if planned.floor >= 0
            for score in concern.scores
            if score.id == planned.name and score.mode >= least and score.strength == 1.0
        ]
        return max(floors, default=-1)

    # --- responding -------------------------------------------------------------------------------

    def _take(self) -> list[Op]:
        ops: list[Op] = []
        for track, plan in enumerate(self._plans):
            if any(action.refuse(self.call) for action in plan.values()):
                continue
            for action in plan.values():
                take = action.take(self.call)
                if take is not None:
                    # The shadow track spends tokens of its own: it must not use up the enforced ones.
                    ops.append(replace(take, key=f"{take.key}:shadow") if track else take)
                    self._takes.append((track, action))
        return ops

    def _respond(
        self, track: int, empty: tuple[Action, float] | None
    ) -> tuple[Refusal | None, float, tuple[str, ...]]:
        """(refusal, delay, names of what takes part) of one track."""
        plan = self._plans[track]
        for action in plan.values():
            refusal = action.refuse(self.call)
            if refusal is not None:
                return refusal, 0.0, (action.name,)
        if empty is not None:
            return empty[0].exhausted(empty[1]), 0.0, (empty[0].name,)
        delay = sum(action.wait(self.call) for action in plan.values())
        names = {action.name for action in plan.values() if action.wait(self.call)}
        names |= self._edit(plan, acts=track == _ENFORCED)
        names |= {action.name for action in plan.values() if action.name == "log"}
        return None, delay, tuple(name for name in plan if name in names)

    def _edit(self, plan: Mapping[str, Action], *, acts: bool) -> set[str]:
        names = set()
        editing = [action for action in plan.values() if _edits(action)]
        body = copy.deepcopy(self.body) if editing else self.body
        for action in editing:
            if action.edit_request(self.call, self.dialect, body):
                names.add(action.name)
        if names and acts:
            self.edited = body
        for action in plan.values():
            editor = action.editor(self.call, self.dialect, self.body)
            if editor is not None:
                names.add(action.name)
                if acts:
                    self.editors.append(editor)
        return names


def judge(transaction: Transaction, store: Store, now: float) -> Decision:
    """Drive the first three verbs over a store. Raises StoreError."""
    entered = transaction.decide(store.apply(transaction.ask(), now), now)
    return transaction.admit(store.apply(entered, now))

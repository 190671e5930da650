"""One transaction per call: ask → decide → admit → study → settle. The only place that knows the order.

Each verb takes what the store answered to the operations of the verb before and returns the operations
to apply next; drivers carry the two back and forth (`judge` does it for the first three) and never look
inside. Time, ids and readings are arguments: nothing here waits, stores or reads a clock.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from gateway import ladder, turns
from gateway.actions.base import Action, Editor
from gateway.dialects.base import Dialect, Object
from gateway.fields import Facts
from gateway.model import (
    Call,
    Client,
    Decision,
    Mode,
    Op,
    Outcome,
    Peak,
    PolicyScore,
    Principal,
    Reading,
    Refusal,
    Register,
    SignalScore,
    Standing,
    Take,
)
from gateway.policies.bundle import Bundle, Policy, Signal
from gateway.score import corroborating, policy_mode, policy_points, policy_score, signal_score, total
from gateway.stores.base import Store

_FIRST = "first"


def _enforced(score: PolicyScore) -> float:
    return score.enforced


def _shadow(score: PolicyScore) -> float:
    return score.shadow


def _edits(action: Action) -> bool:
    return type(action).edit_request is not Action.edit_request


class Transaction:
    """One call on its way through the engine. Use each verb once, in order."""

    def __init__(
        self,
        bundle: Bundle,
        ceiling: Mode,
        call: Call,
        dialect: Dialect,
        body: Object,
        principal: Principal,
        client: Client,
        decision_id: str,
    ) -> None:
        self.bundle = bundle
        self.call = call
        self.dialect = dialect
        self.body = body
        self.principal = principal
        self.client = client
        self.decision = Decision(decision_id, bundle.hash)
        self.edited: Object | None = None
        """The body to send in place of the client's, when an enforced action changed it."""
        self.editors: list[Editor] = []
        """Enforced editors of the answer, in the ladder's order."""
        self._ceiling = ceiling
        self._facts = Facts(call, principal, client, 0.0)
        self._ops: list[Op] = []
        self._index: dict[tuple[str, str], int] = {}
        self._readings: Sequence[Reading] = ()
        self._skipped: dict[str, str] = {}
        self._concerned: list[tuple[Policy, Mode]] = []
        self._scores: dict[str, list[SignalScore]] = {}
        self._takes: list[tuple[bool, Action]] = []
        self._plans: tuple[Mapping[str, Action], Mapping[str, Action]] = ({}, {})

    # --- the verbs --------------------------------------------------------------------------------

    def ask(self) -> list[Op]:
        """Everything to read before deciding; the list is the same for every call of a principal."""
        scope = self.principal.id
        reads: list[Op] = [Register(scope, _FIRST), turns.query(scope)]
        reads += [Register(scope, self._ladder_key(mode)) for mode in (Mode.ENFORCE, Mode.SHADOW)]
        for policy in self.bundle.policies:
            owner = self._scope(policy)
            reads += [Peak(owner, self._peak_key(policy, mode), policy.half_life) for mode in _TRACKS]
            for signal in policy.signals:
                reads += signal.detector.query(owner)
        self._ops = self._unique(reads)
        return self._ops

    def decide(self, readings: Sequence[Reading], now: float) -> list[Op]:
        """Score the call; returns what to count and which tokens to take."""
        self._readings = readings
        scope, facts = self.principal.id, self._facts
        first = self._read(scope, _FIRST).values
        facts.now, facts.first_seen = now, first[0] if first else now
        facts.fresh = turns.fresh(self.call.turns, self._read(scope, turns.query(scope).key).data)
        policies = [self._evaluate(policy) for policy in self.bundle.policies]
        writes: list[Op] = [] if first else [Register(scope, _FIRST, (now,))]
        writes += turns.enter(self.call.turns, scope)
        standings = [self._climb(policies, mode, now, writes) for mode in _TRACKS]
        self.decision = replace(
            self.decision,
            enforced=standings[0],
            shadow=standings[1],
            signals=tuple(score for scores in self._scores.values() for score in scores),
            policies=tuple(policies),
            skipped=self._skipped,
        )
        writes += self._peaks()
        writes += self._each(lambda signal, owner: signal.detector.enter(facts, owner))
        return self._unique(writes) + self._take()

    def admit(self, readings: Sequence[Reading]) -> Decision:
        """Turn the rungs into what happens to this call, knowing which tokens were granted."""
        granted = readings[len(readings) - len(self._takes) :]
        empty: dict[bool, tuple[Action, float]] = {
            acts: (action, reading.values[1])
            for (acts, action), reading in zip(self._takes, granted, strict=True)
            if not reading.values[0]
        }
        acting, would = self._plans
        refusal, delay, applied = self._respond(acting, empty.get(True), acts=True)
        _, _, would_apply = self._respond(would, empty.get(False), acts=False)
        self.decision = replace(
            self.decision, refusal=refusal, delay=delay, applied=applied, would=would_apply
        )
        return self.decision

    def study(self) -> list[Op]:
        """The costly features, computed after the request was forwarded; returns what to count."""
        return self._unique(
            self._each(
                lambda signal, owner: signal.detector.study(
                    self._facts, owner, self._answers(signal.detector.query(owner))
                )
            )
        )

    def settle(self, outcome: Outcome) -> list[Op]:
        """The answer has ended: count what it cost, and read the signals that needed it."""
        self._facts.outcome = outcome
        for policy, mode in self._concerned:
            for signal in policy.signals:
                if signal.detector.late:
                    self._score(policy, signal, mode)
        self.decision = replace(
            self.decision,
            signals=tuple(score for scores in self._scores.values() for score in scores),
        )
        writes: list[Op] = list(self._peaks())
        writes += self._each(lambda signal, owner: signal.detector.settle(self._facts, owner))
        return self._unique(writes)

    # --- scoring ----------------------------------------------------------------------------------

    def _evaluate(self, policy: Policy) -> PolicyScore:
        mode = policy_mode(policy, self._ceiling, self.principal)
        owner = self._scope(policy)
        peaks = tuple(self._read(owner, self._peak_key(policy, track)).values[0] for track in _TRACKS)
        if mode is Mode.DISABLED:
            return PolicyScore(policy.id, mode, 0.0, 0.0, 0.0)
        if policy.match is None or policy.match.weigh(self._facts):
            self._concerned.append((policy, mode))
            self._scores[policy.id] = []
            for signal in policy.signals:
                if not signal.detector.late:
                    self._score(policy, signal, mode)
        enforced = peaks[0] if mode is Mode.ENFORCE else 0.0
        return policy_score(policy, mode, self._scores.get(policy.id, ()), (enforced, peaks[1]))

    def _score(self, policy: Policy, signal: Signal, mode: Mode) -> None:
        mode = min(mode, signal.mode)
        if mode is Mode.DISABLED:
            return
        try:
            readings = self._answers(signal.detector.query(self._scope(policy)))
            measure = signal.detector.read(self._facts, readings)
        except Exception as error:  # noqa: BLE001  one signal's bug must not decide the call
            self._skipped[f"{policy.id}.{signal.id}"] = type(error).__name__
            return
        if measure is not None:
            self._scores[policy.id].append(signal_score(policy, signal, mode, measure))

    def _each(self, ask: Callable[[Signal, str], Sequence[Op]]) -> list[Op]:
        """What every signal concerned wants counted; one that fails is skipped and named."""
        ops: list[Op] = []
        for policy, mode in self._concerned:
            for signal in policy.signals:
                if min(mode, signal.mode) is Mode.DISABLED:
                    continue
                try:
                    ops += ask(signal, self._scope(policy))
                except Exception as error:  # noqa: BLE001  as above
                    self._skipped[f"{policy.id}.{signal.id}"] = type(error).__name__
        return ops

    def _peaks(self) -> Iterable[Op]:
        for policy, _ in self._concerned:
            for track in _TRACKS:
                points = policy_points(policy, self._scores[policy.id], track)
                key = self._peak_key(policy, track)
                if points:
                    yield Peak(self._scope(policy), key, policy.half_life, points)

    def _climb(self, policies: list[PolicyScore], track: Mode, now: float, writes: list[Op]) -> Standing:
        pick = _enforced if track is Mode.ENFORCE else _shadow
        key = self._ladder_key(track)
        age = now - (self.principal.since if self.principal.since is not None else self._first_seen())
        score = total(policies, pick)
        state = ladder.Climb(score, corroborating(policies, pick), age, self._floor(track), now)
        memory = self._read(self.principal.id, key).values
        index, after = ladder.climb(self.bundle.ladder, memory, state)
        if after != memory and (memory or index >= 0 or score > 0):
            writes.append(Register(self.principal.id, key, after))
        if index < 0:
            return Standing(score)
        rung = self.bundle.ladder.rungs[index]
        at = 0 if track is Mode.ENFORCE else 1
        self._plans = (rung.actions, self._plans[1]) if at == 0 else (self._plans[0], rung.actions)
        return Standing(score, rung.id, tuple(rung.actions))

    def _first_seen(self) -> float:
        return self._facts.now if self._facts.first_seen is None else self._facts.first_seen

    def _floor(self, track: Mode) -> int:
        names = [rung.id for rung in self.bundle.ladder.rungs]
        floors = [
            names.index(signal.floor)
            for policy, _ in self._concerned
            for signal in policy.signals
            for score in self._scores[policy.id]
            if signal.floor and score.id == f"{policy.id}.{signal.id}"
            if score.mode >= track and score.strength == 1.0
        ]
        return max(floors, default=-1)

    # --- responding -------------------------------------------------------------------------------

    def _take(self) -> list[Op]:
        ops: list[Op] = []
        for acts, plan in zip((True, False), self._plans, strict=True):
            if any(action.refuse(self.call) for action in plan.values()):
                continue
            for action in plan.values():
                take = action.take(self.call, self.principal.id)
                if take is not None:
                    # The shadow track spends tokens of its own: it must not use up the enforced ones.
                    ops.append(take if acts else _shadow_take(take))
                    self._takes.append((acts, action))
        return ops

    def _respond(
        self, plan: Mapping[str, Action], empty: tuple[Action, float] | None, *, acts: bool
    ) -> tuple[Refusal | None, float, tuple[str, ...]]:
        """(refusal, delay, names of what takes part) of one track."""
        for action in plan.values():
            refusal = action.refuse(self.call)
            if refusal is not None:
                return refusal, 0.0, (action.name,)
        if empty is not None:
            return empty[0].exhausted(empty[1]), 0.0, (empty[0].name,)
        delay = sum(action.wait(self.call) for action in plan.values())
        names = {action.name for action in plan.values() if action.wait(self.call)}
        names |= self._edit(plan, acts=acts)
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

    # --- keys and readings ------------------------------------------------------------------------

    def _scope(self, policy: Policy) -> str:
        if policy.key == "org" and self.principal.org is not None:
            return f"org:{self.principal.org}"
        return self.principal.id

    def _peak_key(self, policy: Policy, track: Mode) -> str:
        return _key("peak", policy.id, track)

    def _ladder_key(self, track: Mode) -> str:
        return _key("ladder", self.bundle.ladder.id, track)

    @staticmethod
    def _unique(ops: Iterable[Op]) -> list[Op]:
        """Each counter once: detectors that share one ask for the same operation."""
        return list({(op.scope, op.key): op for op in ops}.values())

    def _read(self, scope: str, key: str) -> Reading:
        if not self._index:
            self._index = {(op.scope, op.key): at for at, op in enumerate(self._ops)}
        return self._readings[self._index[scope, key]]

    def _answers(self, ops: Sequence[Op]) -> list[Reading]:
        return [self._read(op.scope, op.key) for op in ops]


_TRACKS = (Mode.ENFORCE, Mode.SHADOW)


@lru_cache(maxsize=4096)
def _key(kind: str, name: str, track: Mode) -> str:
    # Asked dozens of times a call; making the string anew was a tenth of the engine's time.
    return f"{kind}:{name}:{track.name}"


def _shadow_take(take: Take) -> Take:
    return replace(take, key=f"{take.key}:shadow")


def judge(transaction: Transaction, store: Store, now: float) -> Decision:
    """Drive the first three verbs over a store. Raises StoreError."""
    entered = transaction.decide(store.apply(transaction.ask(), now), now)
    return transaction.admit(store.apply(entered, now))

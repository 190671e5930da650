"""One transaction per call: ask → decide → admit → study → settle. The only place that knows the order.

Each verb takes what the store answered to the batches of the verb before and returns the batches to apply
next; drivers carry the two back and forth (`judge` does it for the first three) and never look inside.
Time, ids and readings are arguments: nothing here waits, stores or reads a clock.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from gateway import turns
from gateway.actions.base import Action, Editor
from gateway.actions.tasks import Notice, Task
from gateway.assessment import ENFORCED, SHADOW, Assessment, Writes
from gateway.dialects.base import Dialect, Object
from gateway.fields import Facts
from gateway.marks.keyring import UNKEYED, KeyRing
from gateway.model import (
    Batch,
    Call,
    Client,
    Decision,
    Mode,
    Op,
    Outcome,
    Principal,
    Reading,
    Refusal,
    Trial,
)
from gateway.plan import FIRST_AT, TURNS_AT, Plan
from gateway.stores.base import Store


def _edits(action: Action) -> bool:
    return type(action).edit_request is not Action.edit_request


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
        candidate: Plan | None = None,
        ring: KeyRing = UNKEYED,
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
        self.tasks: list[Task] = []
        """What enforced actions ask of the driver."""
        self.notice: Notice | None = None
        """What to tell the operator's system."""
        self._facts = Facts(call, principal, client, 0.0)
        self._active = Assessment(plan, ceiling, self._facts)
        # Whatever a candidate says, it never acts: not even by its mode.
        below = min(ceiling, Mode.SHADOW)
        self._candidate = None if candidate is None else Assessment(candidate, below, self._facts)
        self._candidate_readings: Sequence[Sequence[Reading]] = ()
        self._takes: list[tuple[int, Action]] = []
        self._plans: tuple[Mapping[str, Action], ...] = ({}, {})
        self._ring = ring
        self._told: tuple[set[str], set[str]] = (set(), set())

    # --- the verbs --------------------------------------------------------------------------------

    def ask(self) -> list[Batch]:
        """Everything to read before deciding; the same for every call of a principal."""
        asked, candidate = self._active.ask(), self._candidate
        if candidate is None:
            return asked
        return asked + candidate.plan.beside(self._active.plan).batches(candidate.scopes)

    def decide(self, readings: Sequence[Sequence[Reading]], now: float) -> list[Batch]:
        """Score the call; returns what to count and which tokens to take."""
        active, facts, own = self._active, self._facts, readings[0]
        if self._candidate is not None:
            # Read here, before this call is counted, and used when the request is on its way.
            sharing = self._candidate.plan.beside(active.plan)
            split = active.asked
            self._candidate_readings = sharing.readings(readings[:split], readings[split:])
        first = own[FIRST_AT].values
        facts.now, facts.first_seen = now, first[0] if first else now
        facts.fresh = turns.fresh(self.call.turns, own[TURNS_AT].data)
        active.assess(readings[: active.asked])
        writes = Writes()
        active.first(writes)
        writes.add(0, turns.enter(self.call.turns))
        enforced, hard = active.climb(ENFORCED, writes)
        shadow, soft = active.climb(SHADOW, writes)
        self._plans = (self._keyed(hard, now), self._keyed(soft, now))
        self.decision = replace(
            self.decision,
            enforced=enforced,
            shadow=shadow,
            signals=active.signals(),
            policies=active.policies,
            skipped=active.skipped,
            tenant=active.plan.tenant,
            exemptions=active.exemptions(),
            campaign=active.campaign(),
        )
        active.peaks(writes)
        active.gauge("enter", writes)
        active.each("enter", writes)
        return writes.batches(active.scopes, self._take())

    def admit(self, readings: Sequence[Sequence[Reading]]) -> Decision:
        """Turn the rungs into what happens to this call, knowing which tokens were granted."""
        own = readings[0]
        granted = own[len(own) - len(self._takes) :]
        empty: dict[int, tuple[Action, float]] = {}
        for (track, action), reading in zip(self._takes, granted, strict=True):
            notice = action.notice(self.call)
            if notice is None and not reading.values[0]:
                empty[track] = (action, reading.values[1])
            elif notice is not None and reading.values[0]:
                self._told[track].add(action.name)
                self.notice = notice if track == ENFORCED else self.notice
        refusal, delay, applied = self._respond(ENFORCED, empty.get(ENFORCED))
        _, _, would = self._respond(SHADOW, empty.get(SHADOW))
        if refusal or applied or would:
            self.decision = replace(self.decision, refusal=refusal, delay=delay, applied=applied, would=would)
        return self.decision

    def study(self) -> list[Batch]:
        """The costly features, computed after the request was forwarded; returns what to count."""
        writes = Writes()
        self._active.gauge("study", writes)
        self._active.each("study", writes)
        batches = writes.batches(self._active.scopes) + self._try()
        # An answer may take minutes, and what was worked out on the way is several times the prompt.
        self._facts.memo.clear()
        self.body = {}
        for assessment in (self._active, self._candidate):
            if assessment is not None:
                assessment.release()
        return batches

    def settle(self, outcome: Outcome) -> list[Batch]:
        """The answer has ended: count what it cost, and read the signals that needed it."""
        facts, active = self._facts, self._active
        facts.outcome = outcome
        writes = Writes()
        if active.late():
            self.decision = replace(self.decision, signals=active.signals(), exemptions=active.exemptions())
            active.peaks(writes)
        active.gauge("settle", writes)
        active.each("settle", writes)
        batches = writes.batches(active.scopes)
        if self.decision.candidate is not None:
            batches += self._settle_candidate()
        if active.skipped:
            active.plan.breaker.note(active.skipped, facts.now)
        return batches

    # --- the candidate ----------------------------------------------------------------------------

    def _try(self) -> list[Batch]:
        """Score the call under the candidate bundle, and count what the active one does not."""
        candidate = self._candidate
        if candidate is None:
            return []
        candidate.assess(self._candidate_readings)
        writes = Writes(self._active.counters())
        candidate.first(writes)
        standing, _ = candidate.climb(SHADOW, writes)
        candidate.peaks(writes)
        candidate.gauge("enter", writes)
        candidate.gauge("study", writes)
        candidate.each("enter", writes)
        candidate.each("study", writes)
        trial = Trial(candidate.plan.bundle.hash, standing.score, standing.rung)
        self.decision = replace(self.decision, candidate=trial, skipped=self._all_skipped())
        return writes.batches(candidate.scopes)

    def _settle_candidate(self) -> list[Batch]:
        candidate, facts = self._candidate, self._facts
        assert candidate is not None
        writes = Writes(self._active.counters())
        if candidate.late():
            candidate.peaks(writes)
        candidate.gauge("settle", writes)
        candidate.each("settle", writes)
        candidate.plan.breaker.note(candidate.skipped, facts.now)
        self.decision = replace(self.decision, skipped=self._all_skipped())
        return writes.batches(candidate.scopes)

    def _all_skipped(self) -> dict[str, str]:
        """The candidate's failures beside the active bundle's, under a name of their own."""
        assert self._candidate is not None
        failed = {f"candidate.{name}": error for name, error in self._candidate.skipped.items()}
        return self._active.skipped | failed

    # --- responding -------------------------------------------------------------------------------

    def _keyed(self, actions: Mapping[str, Action], now: float) -> Mapping[str, Action]:
        """The actions under the principal's key, where they have one."""
        if not actions:
            return actions
        return {name: action.keyed(self.principal, self._ring, now) for name, action in actions.items()}

    def _take(self) -> list[Op]:
        ops: list[Op] = []
        for track, plan in enumerate(self._plans):
            refused = any(action.refuse(self.call) for action in plan.values())
            for action in plan.values():
                take = action.take(self.call)
                if take is not None and not (refused and action.notice(self.call) is None):
                    # The shadow track spends tokens of its own: it must not use up the enforced ones.
                    ops.append(replace(take, key=f"{take.key}:shadow") if track else take)
                    self._takes.append((track, action))
        return ops

    def _respond(
        self, track: int, empty: tuple[Action, float] | None
    ) -> tuple[Refusal | None, float, tuple[str, ...]]:
        """(refusal, delay, names of what takes part) of one track."""
        plan = self._plans[track]
        if not plan:
            return None, 0.0, ()
        told = self._told[track]
        for action in plan.values():
            refusal = action.refuse(self.call)
            if refusal is not None:
                return refusal, 0.0, (*told, action.name)
        if empty is not None:
            return empty[0].exhausted(empty[1]), 0.0, (*told, empty[0].name)
        delay = sum(action.wait(self.call) for action in plan.values())
        names = told | {action.name for action in plan.values() if action.wait(self.call)}
        names |= self._edit(plan, acts=track == ENFORCED)
        names |= self._ask(plan, acts=track == ENFORCED)
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

    def _ask(self, plan: Mapping[str, Action], *, acts: bool) -> set[str]:
        body = self.body if self.edited is None else self.edited
        found = {name: task for name, action in plan.items() if (task := action.task(self.call, body))}
        if acts:
            self.tasks += found.values()
        return set(found)


def judge(transaction: Transaction, store: Store, now: float) -> Decision:
    """Drive the first three verbs over a store. Raises StoreError."""
    entered = transaction.decide(store.apply(transaction.ask(), now), now)
    return transaction.admit(store.apply(entered, now))

"""Makes plans of bundles: gives every operation its place, and puts together what is counted together.

What belongs here happens once for a bundle, when it is put to use; what a call then finds is in
`gateway.plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from operator import itemgetter

from gateway import turns
from gateway.breaker import Breaker
from gateway.campaigns.operations import CampaignPeaks, Linked
from gateway.conditions import Condition
from gateway.model import Mode, Op, Peaks, PolicyScore, Reading, Reads, Register, Sum
from gateway.observations import Ledger, Names, column
from gateway.plan import FIRST, Plan, PlannedGauge, PlannedPolicy, PlannedSignal, Population, window
from gateway.policies.asked import fields
from gateway.policies.bundle import Bundle, Policy, Signal
from gateway.signals import kind as kinds
from gateway.signals.base import Detector, Gauge, Step

STEPS: tuple[Step, ...] = ("enter", "study", "settle")


class _Batch:
    """Operations, each once, and where its reading will stand; sums with gauges stand in ledgers."""

    def __init__(self, *ops: Op) -> None:
        self._ops: list[Op] = list(ops)
        self._places = {op: place for place, op in enumerate(ops)}
        self._ledgers: dict[tuple[float, int], tuple[int, list[str]]] = {}

    def place(self, op: Op) -> int:
        if op not in self._places:
            self._places[op] = len(self._ops)
            self._ops.append(op)
        return self._places[op]

    def columns(self, total: Sum) -> tuple[int, int]:
        """(place of the ledger, first column) of a sum."""
        kind = (total.over, total.slices)
        if kind not in self._ledgers:
            # Only its place for now: which columns it has is known at the end.
            self._ledgers[kind] = (len(self._ops), [])
            self._ops.append(total)
        place, names = self._ledgers[kind]
        own = [column(total.key, at) for at in range(len(total.amounts))]
        if own[0] not in names:
            names += own
        return place, names.index(own[0])

    def reads(self) -> Reads:
        ops = list(self._ops)
        for (over, slices), (place, names) in self._ledgers.items():
            ops[place] = Ledger(f"ledger:{over:g}:{slices}", over, slices, Names(names))
        return Reads(ops)


def plan(bundle: Bundle, born: Mapping[str, float] | None = None, *, trial: bool = False) -> Plan:
    """The plan of a bundle.

    `born` tells when counters began that are younger than the state in the store; `trial` is for a
    candidate bundle, which shares counters with the active one, and neither peaks nor rungs.
    """

    def make(breaker: Breaker[Plan], opened: frozenset[str]) -> Plan:
        return _planned(bundle, _Maker(born or {}, ":candidate" if trial else "", breaker, opened))

    return Breaker(make).working(0.0)


def _planned(bundle: Bundle, make: _Maker) -> Plan:
    """The plan with those of the tenants."""
    variants: dict[tuple[str, str | None], Plan] = {}
    for tenant in bundle.tenants:
        own = replace(bundle, policies=tenant.policies, ladder=tenant.ladder)
        made = replace(make.plan(own), tenant=tenant.id, ceiling=tenant.ceiling)
        for kind, names in (("principal", tenant.principals), ("org", tenant.orgs), ("tier", tenant.tiers)):
            variants |= {(kind, name): made for name in names}
    return replace(make.plan(bundle), variants=variants)


def _picker(places: Sequence[int]) -> Callable[[Sequence[Reading]], Sequence[Reading]]:
    """What takes these places out of a list, as a sequence whatever their number."""
    if len(places) > 1:
        return itemgetter(*places)
    # A slice gives a list, where a single place would give the item.
    return itemgetter(slice(places[0], places[0] + 1) if places else slice(0))


def _reader(detector: Detector, batch: _Batch) -> Callable[[Sequence[Reading]], Sequence[Reading]]:
    """What takes a detector's readings out of those of the batch; they get their places in it."""
    if not detector.gauges:
        return _picker([batch.place(op) for op in detector.reads])
    (gauge,) = detector.gauges
    return _shown(*batch.columns(gauge.sum), len(gauge.sum.amounts))


def _shown(place: int, first: int, width: int) -> Callable[[Sequence[Reading]], Sequence[Reading]]:
    """What takes the columns of one sum out of its ledger's reading."""
    columns = slice(first, first + width)
    return lambda readings: (Reading(readings[place].values[columns]),)


def _counts(detector: Detector, step: Step) -> bool:
    """Whether a detector takes part in a step, which it does not if it leaves it to the base."""
    if step not in detector.counts_at:
        return False
    return getattr(getattr(detector, step), "__func__", None) is not getattr(Detector, step)


def _peak(policy: Policy, key: str) -> Peaks | CampaignPeaks:
    """Reads a policy's peaks, which are the principal's, its organisation's or its campaign's."""
    if policy.key == "campaign":
        reads = (op for signal in policy.signals for op in signal.detector.reads)
        linker = next((op.key for op in reads if isinstance(op, Linked)), "")
        return CampaignPeaks(key, linker, policy.half_life, (0.0, 0.0))
    return Peaks(key, policy.half_life, (0.0, 0.0))


class _Populations:
    """The populations of a plan that is being made."""

    def __init__(self, batches: tuple[_Batch, _Batch]) -> None:
        self._batches = batches
        self._matches: dict[tuple[str, int], Condition | None] = {}
        self._gauges: list[dict[Gauge, list[str]]] = []
        self._signals: list[list[PlannedSignal]] = []

    def of(self, policy: Policy, signals: Sequence[PlannedSignal]) -> int:
        """The number of the one that a policy is of, with its signals' gauges, unless the policy is off."""
        at = self._at(policy.match, int(policy.key == "org"))
        for one in signals if policy.mode is not Mode.DISABLED else ():
            self._signals[at].append(one)
            for gauge in one.signal.detector.gauges:
                same = next((known for known in self._gauges[at] if known.sum == gauge.sum), gauge)
                self._gauges[at].setdefault(same, []).append(one.name)
        return at

    def keep(self, match: Condition, counting: PlannedSignal) -> None:
        """Count, for all calls of a principal that match, what no policy may have asked for."""
        self._signals[self._at(match, 0)].append(counting)

    def _at(self, match: Condition | None, batch: int) -> int:
        key = (match.canonical if match else "", batch)
        self._matches.setdefault(key, match)
        at = list(self._matches).index(key)
        if at == len(self._signals):
            self._gauges.append({})
            self._signals.append([])
        return at

    def made(self) -> tuple[Population, ...]:
        return tuple(
            Population(
                match,
                batch,
                {step: self._ledgers(batch, gauges, step) for step in STEPS},
                {step: tuple(_counting(signals, step)) for step in STEPS},
            )
            for ((_, batch), match), gauges, signals in zip(
                self._matches.items(), self._gauges, self._signals, strict=True
            )
        )

    def _ledgers(
        self, batch: int, gauges: Mapping[Gauge, Sequence[str]], step: Step
    ) -> tuple[tuple[int, tuple[PlannedGauge, ...]], ...]:
        ledgers: dict[int, list[PlannedGauge]] = {}
        for gauge, names in gauges.items():
            if gauge.step == step:
                ledger, first = self._batches[batch].columns(gauge.sum)
                ledgers.setdefault(ledger, []).append(PlannedGauge(gauge, first, tuple(names)))
        return tuple((ledger, tuple(planned)) for ledger, planned in ledgers.items())


def _where(
    populations: Sequence[Population], what: Callable[[Population, Step], Sequence[object]]
) -> Mapping[Step, tuple[int, ...]]:
    """At each step the places of the populations that have something there."""
    return {step: tuple(at for at, one in enumerate(populations) if what(one, step)) for step in STEPS}


def _settled(policy: Policy, ceiling: Mode) -> Mode | None:
    """The mode under a ceiling, None where roll-out decides for each principal."""
    mode = min(ceiling, policy.mode)
    rollout = policy.rollout
    partial = rollout.share < 1 or rollout.holdout > 0
    return None if partial and mode is Mode.ENFORCE else mode


def _counting(signals: Sequence[PlannedSignal], step: Step) -> Iterator[PlannedSignal]:
    """The signals that have something to count at a step: equal fingerprints count the same."""
    done = set()
    for one in signals:
        detector = one.signal.detector
        if _counts(detector, step) and detector.reads not in done:
            done.add(detector.reads)
            yield one


def _keep_kind(own: _Batch, populations: _Populations) -> int:
    """Where the profile stands that the field is told from; it is counted with what policies ask for."""
    # A signal in name only: no policy has it, so it is never read for a verdict.
    counting = Signal(kinds.FIELD, kinds.OF_ALL, None, 0.0, Mode.SHADOW, None, "")
    populations.keep(
        kinds.ASKING, PlannedSignal(counting, kinds.FIELD, _reader(kinds.OF_ALL, own), -1, 0.0, -inf)
    )
    return own.place(kinds.OF_ALL.reads[0])


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes plans; `suffix` is added to the names of peaks and ladder memories, `opened` are left out."""

    born: Mapping[str, float]
    suffix: str
    breaker: Breaker[Plan]
    opened: frozenset[str]

    def plan(self, bundle: Bundle) -> Plan:
        ladder = bundle.ladder
        rungs = tuple(rung.id for rung in ladder.rungs)
        enforced, shadow = (
            Register(f"ladder:{ladder.id}:{track}{self.suffix}") for track in ("enforced", "shadow")
        )
        own = _Batch(FIRST, turns.QUERY, enforced, shadow)
        # An organisation is older than a new key of it.
        shared = _Batch(*([FIRST] if any(policy.key == "org" for policy in bundle.policies) else []))
        populations = _Populations((own, shared))
        policies = tuple(
            self._policy(policy, shared if policy.key == "org" else own, rungs, populations)
            for policy in bundle.policies
        )
        asked = fields(bundle.policies, bundle.exemptions)
        profile = _keep_kind(own, populations) if kinds.FIELD in asked else None
        return Plan(
            bundle,
            (own.reads(), shared.reads()),
            policies,
            (made := populations.made()),
            _where(made, lambda one, step: one.gauges[step]),
            _where(made, lambda one, step: one.steps[step]),
            (enforced, shadow),
            rungs,
            asked,
            profile,
            self.breaker,
            self.opened,
        )

    def _policy(
        self, policy: Policy, batch: _Batch, rungs: Sequence[str], populations: _Populations
    ) -> PlannedPolicy:
        key = f"peak:{policy.id}:{policy.epoch}" if policy.epoch else f"peak:{policy.id}"
        peak = _peak(policy, key + self.suffix)
        signals = tuple(self._signals(policy, batch, rungs))
        return PlannedPolicy(
            policy,
            populations.of(policy, signals),
            int(policy.key == "org"),
            batch.place(peak),
            peak,
            early=tuple(one for one in signals if not one.signal.detector.late),
            late=tuple(one for one in signals if one.signal.detector.late),
            floors=any(one.floor >= 0 for one in signals),
            modes=tuple(_settled(policy, ceiling) for ceiling in Mode),
            silent=tuple(PolicyScore(policy.id, mode, 0.0, 0.0, 0.0) for mode in Mode),
        )

    def _signals(self, policy: Policy, batch: _Batch, rungs: Sequence[str]) -> Iterator[PlannedSignal]:
        for signal in policy.signals:
            if signal.mode is Mode.DISABLED or f"{policy.id}.{signal.id}" in self.opened:
                continue
            detector = signal.detector
            reads = detector.reads
            yield PlannedSignal(
                signal,
                f"{policy.id}.{signal.id}",
                _reader(detector, batch),
                rungs.index(signal.floor) if signal.floor else -1,
                window=max((window(op) for op in reads), default=0.0),
                born=max((self.born.get(op.key, -inf) for op in reads), default=-inf),
            )

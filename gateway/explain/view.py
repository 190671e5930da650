"""From a record's line and the bundle that made it to an `Explanation`: all numbers, no words for a terminal.

Where the line came from another bundle, ramps, caps and requirements are not known any more, and are None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.model import Mode, Principal
from gateway.policies.bundle import Bundle, Ladder, Policy, Rung, Tenant
from gateway.score import CORROBORATES, in_rollout

Line = Mapping[str, Any]
"""A decision record as `gateway.records.to_json` writes it."""


@dataclass(frozen=True, slots=True)
class SignalRow:
    """One signal with points on this call. `because` says why it counts in shadow only."""

    id: str
    value: float
    n: int
    ramp: tuple[float, float] | None
    over: str
    strength: float
    points: float
    most: float | None
    mode: str
    because: str
    text: str
    warming: float | None
    exempted: float


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One policy: points of this call, and the fading peak, which is what adds up to the score."""

    id: str
    now: float
    enforced: float
    shadow: float
    cap: float | None
    half_life: float | None
    mode: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One track; `at` is the score at which its rung begins."""

    score: float
    rung: str | None
    at: float | None


@dataclass(frozen=True, slots=True)
class Need:
    """One requirement of a rung: what there is, what it takes, and whether that is enough (None: unknown)."""

    what: str
    has: float | None
    needs: float

    @property
    def met(self) -> bool | None:
        """Whether it is fulfilled."""
        return None if self.has is None else self.has >= self.needs


@dataclass(frozen=True, slots=True)
class Next:
    """The rung above on the shadow track, and what it still asks for."""

    rung: str
    at: float
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What the line does not tell. `since`: when the account began or was first seen; `began`: of the trace;
    `number`: of the principal's request; `above`: since when the shadow score is above each rung;
    `matched`: patterns in the text of the call."""

    since: float | None = None
    began: float | None = None
    number: int | None = None
    above: Mapping[str, float] | None = None
    matched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision, explained. `known`: the bundle at hand is the one that decided."""

    id: str
    ts: float
    bundle: str | None
    known: bool
    principal: str
    org: str | None
    tier: str | None
    tenant: str | None
    campaign: str | None
    """The campaign that a signal put the principal in."""
    age: float | None
    offset: float | None
    number: int | None
    route: str | None
    model: str | None
    status: int | None
    matched: tuple[str, ...]
    signals: tuple[SignalRow, ...]
    policies: tuple[PolicyRow, ...]
    exemptions: tuple[Mapping[str, Any], ...]
    shadow: Standing
    enforced: Standing
    next: Next | None
    would: tuple[str, ...]
    applied: tuple[str, ...]
    responses: Mapping[str, Mapping[str, Any]]
    """Options of the responses on the shadow track's rung."""
    refusal: str | None
    unscored: str | None
    skipped: Mapping[str, str]


def explain(line: Line, bundle: Bundle | None, context: Context | None = None) -> Explanation:
    """The explanation of a record's line; `bundle` is what is at hand, whether it made the line or not."""
    context = context or Context()
    known = bundle is not None and bundle.hash == line["bundle"]
    scene = _Scene(line, bundle if known else None)
    ts = line["ts"]
    shadow = scene.standing(line["shadow"])
    return Explanation(
        id=line["id"],
        ts=ts,
        bundle=line["bundle"],
        known=known,
        principal=line["principal"],
        org=line["org"],
        tier=line["tier"],
        tenant=line.get("tenant"),
        campaign=line.get("campaign"),
        age=None if context.since is None else max(0.0, ts - context.since),
        offset=None if context.began is None else ts - context.began,
        number=context.number,
        route=line["route"],
        model=line["model"],
        status=line["status"],
        matched=context.matched,
        signals=tuple(map(scene.signal, _heaviest(line["signals"], "points"))),
        policies=tuple(map(scene.policy, _heaviest(line["policies"], "shadow"))),
        exemptions=tuple(line.get("exemptions", ())),
        shadow=shadow,
        enforced=scene.standing(line["enforced"]),
        next=scene.next(shadow, context),
        would=tuple(line["would"]),
        applied=tuple(line["applied"]),
        responses=scene.responses(shadow),
        refusal=line["refusal"],
        unscored=line["unscored"],
        skipped=line["skipped"],
    )


def _heaviest(rows: Iterable[Line], by: str) -> list[Line]:
    """Those with most points first."""
    return sorted(rows, key=lambda one: (-one[by], one["id"]))


class _Scene:
    """A line with what its bundle says about it; without one, everything that only a bundle knows is None."""

    def __init__(self, line: Line, bundle: Bundle | None) -> None:
        self._line, self._bundle = line, bundle
        self._tenant: Tenant | None = None
        self._policies: Mapping[str, Policy] = {}
        self._ladder = Ladder("", ())
        if bundle is not None:
            self._tenant = next((one for one in bundle.tenants if one.id == line.get("tenant")), None)
            source = self._tenant or bundle
            self._policies = {policy.id: policy for policy in source.policies}
            self._ladder = source.ladder

    def standing(self, told: Mapping[str, Any]) -> Standing:
        rung = self.rung(told["rung"])
        return Standing(told["score"], told["rung"], None if rung is None else rung.at)

    def rung(self, name: str | None) -> Rung | None:
        return next((rung for rung in self._ladder.rungs if rung.id == name), None)

    def responses(self, standing: Standing) -> dict[str, dict[str, Any]]:
        """Options of the responses on a rung, by their names."""
        rung = self.rung(standing.rung)
        actions = {} if rung is None else rung.actions
        return {
            name: action.options.model_dump(mode="json", exclude_none=True)
            for name, action in actions.items()
        }

    def signal(self, told: Mapping[str, Any]) -> SignalRow:
        owner, _, name = told["id"].partition(".")
        policy = self._policies.get(owner)
        found = next((one for one in policy.signals if one.id == name), None) if policy else None
        because = ""
        if policy is not None and found is not None and told["mode"] == "shadow":
            because = self._because(policy, found.mode)
        return SignalRow(
            id=told["id"],
            value=told["value"],
            n=told["n"],
            ramp=None if found is None else found.ramp,
            over="" if found is None else found.over,
            strength=told["strength"],
            points=told["points"],
            most=None if found is None else found.points,
            mode=told["mode"],
            because=because,
            text=told["text"],
            warming=told.get("warming"),
            exempted=told.get("exempted", 0.0),
        )

    def _because(self, policy: Policy, signal: Mode) -> str:
        """Whose mode holds the signal in shadow; the first of several."""
        if signal is Mode.SHADOW:
            return "signal"
        if policy.mode is Mode.SHADOW:
            return "policy"
        who = Principal(self._line["principal"], org=self._line["org"], tier=self._line["tier"])
        if not in_rollout(policy.id, policy.rollout, who):
            return f"outside the {policy.rollout.share * 100:g}% rollout"
        if self._tenant is not None and self._tenant.ceiling is Mode.SHADOW:
            return f"tenant {self._tenant.id}"
        return "gateway"

    def policy(self, told: Mapping[str, Any]) -> PolicyRow:
        found = self._policies.get(told["id"])
        return PolicyRow(
            id=told["id"],
            now=told["now"],
            enforced=told["enforced"],
            shadow=told["shadow"],
            cap=None if found is None else found.cap,
            half_life=None if found is None else found.half_life,
            mode=told["mode"],
        )

    def next(self, shadow: Standing, context: Context) -> Next | None:
        rungs: Sequence[Rung] = self._ladder.rungs
        above = next((place for place, rung in enumerate(rungs, 1) if rung.id == shadow.rung), 0)
        if above >= len(rungs):
            return None
        return Next(rungs[above].id, rungs[above].at, tuple(self._needs(rungs[above], shadow, context)))

    def _needs(self, rung: Rung, shadow: Standing, context: Context) -> list[Need]:
        asked, now = rung.requires, self._line["ts"]
        needs = [Need("score", shadow.score, rung.at)]
        if asked.policies:
            speaking = sum(one["shadow"] >= CORROBORATES for one in self._line["policies"])
            needs.append(Need("policies", float(speaking), float(asked.policies)))
        if asked.principal_age:
            age = None if context.since is None else now - context.since
            needs.append(Need("account age", age, asked.principal_age))
        if asked.sustained:
            since = None if context.above is None else context.above.get(rung.id, now)
            needs.append(Need("sustained", None if since is None else now - since, asked.sustained))
        return needs

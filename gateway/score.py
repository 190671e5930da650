"""Numbers to points: a signal's strength, a policy's score, a principal's totals, and the words for them.

Pure arithmetic over compiled policies (`gateway.policies.bundle`); the only place where points are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import xxhash

from gateway.model import Measure, Mode, PolicyScore, Principal, SignalScore
from gateway.policies.bundle import Policy, Rollout, Signal

CORROBORATES = 5.0
"""Points of its peak from which a policy counts for `requires.policies`: less is noise at a ramp's foot."""


def strength(value: float, ramp: tuple[float, float] | None) -> float:
    """0…1 along `ramp` (which may fall); without one the value itself, clamped."""
    low, high = ramp or (0.0, 1.0)
    return min(1.0, max(0.0, (value - low) / (high - low)))


def in_rollout(policy_id: str, rollout: Rollout, principal: Principal) -> bool:
    """Whether a policy may act on this principal; monotone in `share`, never inside the holdout."""
    unit = principal.org if rollout.by == "org" and principal.org else principal.id
    bucket = xxhash.xxh3_64_intdigest(f"{policy_id}\0{unit}".encode()) % 10_000
    return bucket < rollout.share * 10_000 and bucket < (1 - rollout.holdout) * 10_000


def policy_mode(policy: Policy, ceiling: Mode, principal: Principal) -> Mode:
    """The lowest of ceiling, policy and rollout."""
    mode = min(ceiling, policy.mode)
    partial = policy.rollout.share < 1 or policy.rollout.holdout > 0
    if mode is Mode.ENFORCE and partial and not in_rollout(policy.id, policy.rollout, principal):
        return Mode.SHADOW
    return mode


def signal_score(
    name: str, signal: Signal, mode: Mode, measure: Measure, warming: float | None = None
) -> SignalScore:
    """One signal's points under its full name, with its reason in words where it gives any."""
    force = strength(measure.value, signal.ramp)
    low, high = signal.ramp or (0.0, 1.0)
    text = ""
    if force:
        text = signal.why.format(value=measure.value, n=measure.n, over=signal.over, lo=low, hi=high)
        if measure.note:
            text = f"{text}; {measure.note}"
    return SignalScore(
        id=name,
        value=measure.value,
        n=measure.n,
        strength=force,
        points=force * signal.points,
        mode=mode,
        text=text,
        warming=warming,
        definition=signal.definition,
        campaign=measure.campaign,
    )


def points(policy: Policy, scores: Sequence[SignalScore]) -> tuple[float, float]:
    """This call's points on the enforced and the shadow track, combined and cut at the cap."""
    shadow = [score.points for score in scores]
    enforced = [score.points for score in scores if score.mode is Mode.ENFORCE]
    return combined(policy, enforced), combined(policy, shadow)


def combined(policy: Policy, values: Sequence[float]) -> float:
    """The points of several signals as the policy counts them: the sum or the highest, cut at the cap."""
    if not values:
        return 0.0
    return min(policy.cap, max(values) if policy.combine == "max" else sum(values))


def total(scores: Sequence[PolicyScore], pick: Callable[[PolicyScore], float]) -> float:
    """The principal's score on one track."""
    return sum(pick(score) for score in scores)


def corroborating(scores: Sequence[PolicyScore], pick: Callable[[PolicyScore], float]) -> int:
    """How many policies speak with at least CORROBORATES points."""
    return sum(1 for score in scores if pick(score) >= CORROBORATES)

"""Numbers to points: a signal's strength, a policy's score, a principal's totals, and the words for them.

Pure arithmetic over compiled policies (`gateway.policies.bundle`); the only place where points are made.
"""

from __future__ import annotations

from collections.abc import Sequence

import xxhash

from gateway.model import Measure, Mode, Principal, SignalScore
from gateway.policies.bundle import Policy, Rollout, Signal

_ENFORCE = Mode.ENFORCE
CORROBORATES = 5.0
"""Points of its peak from which a policy counts for `requires.policies`: less is noise at a ramp's foot."""


def strength(value: float, ramp: tuple[float, float] | None) -> float:
    """0…1 along `ramp` (which may fall); without one the value itself, clamped."""
    if ramp is not None:
        low, high = ramp
        value = (value - low) / (high - low)
    return 0.0 if value <= 0.0 else min(1.0, value)


def in_rollout(policy_id: str, rollout: Rollout, principal: Principal) -> bool:
    """Whether a policy may act on this principal; monotone in `share`, never inside the holdout."""
    unit = principal.org if rollout.by == "org" and principal.org else principal.id
    bucket = xxhash.xxh3_64_intdigest(f"{policy_id}\0{unit}".encode()) % 10_000
    return bucket < rollout.share * 10_000 and bucket < (1 - rollout.holdout) * 10_000


def policy_mode(policy: Policy, ceiling: Mode, principal: Principal) -> Mode:
    """The lowest of ceiling, policy and rollout."""
    mode = min(ceiling, policy.mode)
    if mode is not _ENFORCE:
        return mode
    rollout = policy.rollout
    partial = rollout.share < 1 or rollout.holdout > 0
    return Mode.SHADOW if partial and not in_rollout(policy.id, rollout, principal) else mode


def signal_score(
    name: str, signal: Signal, mode: Mode, measure: Measure, warming: float | None = None
) -> SignalScore:
    """One signal's points under its full name, with its reason in words where it gives any."""
    value, n = measure.value, measure.n
    force = strength(value, signal.ramp)
    text = ""
    if force:
        low, high = signal.ramp or (0.0, 1.0)
        text = signal.why.format(value=value, n=n, over=signal.over, lo=low, hi=high)
        if measure.note:
            text = f"{text}; {measure.note}"
    points = force * signal.points
    # By position: this is made for every signal of every call, and keywords double the time.
    definition, campaign = signal.definition, measure.campaign
    return SignalScore(name, value, n, force, points, mode, text, warming, None, 0.0, definition, campaign)


def points(policy: Policy, scores: Sequence[SignalScore]) -> tuple[float, float]:
    """This call's points on the enforced and the shadow track, combined and cut at the cap."""
    shadow = [score.points for score in scores]
    if not any(shadow):
        return 0.0, 0.0
    enforced = [score.points for score in scores if score.mode is _ENFORCE]
    return combined(policy, enforced), combined(policy, shadow)


def combined(policy: Policy, values: Sequence[float]) -> float:
    """The points of several signals as the policy counts them, cut at the cap: the sum, the highest, or the
    lowest, and that only where all of its signals have spoken."""
    if not values:
        return 0.0
    if policy.combine == "all":
        asked = sum(1 for signal in policy.signals if signal.mode is not Mode.DISABLED)
        return min(policy.cap, *values) if len(values) == asked else 0.0
    return min(policy.cap, max(values) if policy.combine == "max" else sum(values))


def total(points: Sequence[float]) -> float:
    """The principal's score on one track, of what each policy gives there."""
    return sum(points)


def corroborating(points: Sequence[float]) -> int:
    """How many policies speak with at least CORROBORATES points."""
    return sum([given >= CORROBORATES for given in points])

"""What exemptions take off a score: which hold for a call, how a signal is softened, and the tally of it.

Law: an exemption never raises a score. Each signal is softened by the one exemption that takes off most,
so the order in which they are written never matters, and two never multiply.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.fields import Facts
from gateway.model import Mode, SignalScore, Tally
from gateway.policies.bundle import Exemption, Policy, Signal
from gateway.score import combined, strength


def in_force(exemptions: Sequence[Exemption], facts: Facts) -> tuple[Exemption, ...]:
    """Those that are for this call and have not expired when it came."""
    return tuple(one for one in exemptions if facts.now < one.expires and one.match.weigh(facts))


@dataclass(frozen=True, slots=True)
class Relief:
    """The exemptions in force for one call, and its principal's score without them on both tracks.

    A signal that acts is measured against the enforced score, so that shadow signals, however high, end
    no exemption of what acts.
    """

    exemptions: tuple[Exemption, ...]
    enforced: float
    shadow: float

    def soften(self, name: str, signal: Signal, score: SignalScore) -> SignalScore:
        """The score with what the best exemption takes off; itself where none is for this signal."""
        total = self.enforced if score.mode is Mode.ENFORCE else self.shadow
        softened = [
            _softened(signal, score, one)
            for one in self.exemptions
            if name in one.signals and total < one.until_score
        ]
        return min(softened, key=lambda one: (one.points, one.strength, one.exemption), default=score)


def _softened(signal: Signal, score: SignalScore, exemption: Exemption) -> SignalScore:
    effect = exemption.effect
    force = score.strength
    if signal.ramp is not None and effect.ramp != 1.0:
        low, high = signal.ramp
        # Their normal is so many times ours: measured with a longer ruler, whichever way the ramp goes.
        value = score.value / effect.ramp if low < high else score.value * effect.ramp
        # Never more than without: a value below zero would come nearer to a rising ramp.
        force = min(force, strength(value, signal.ramp))
    if not effect.points:
        force = 0.0  # a skipped signal lifts to no floor either
    left = min(score.points, force * signal.points * effect.points)
    return replace(score, strength=force, points=left, exemption=exemption.id, exempted=score.points - left)


def tally(groups: Iterable[tuple[Policy, Sequence[SignalScore]]]) -> tuple[Tally, ...]:
    """What each exemption took off this call's score, by id: of each policy what it really counts less
    (after `combine` and `cap`), shared out by what was taken off its signals."""
    taken: dict[str, float] = {}
    for policy, scores in groups:
        exempted = sum(score.exempted for score in scores)
        with_all = combined(policy, [score.points + score.exempted for score in scores])
        less = with_all - combined(policy, [score.points for score in scores])
        for score in scores:
            if score.exemption is not None:
                share = less * score.exempted / exempted if exempted else 0.0
                taken[score.exemption] = taken.get(score.exemption, 0.0) + share
    return tuple(Tally(name, points) for name, points in sorted(taken.items()))

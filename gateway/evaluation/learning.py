"""Ramps and points from what principals did: where harmless ends, and where it is certain.

The rules, each in favour of the innocent. *Harmless* is the value that no more benign units exceed than the
bound allows, exactly (`statistics.allowed`); where there are too few to show the bound, the highest that any
reached. That alone may make a signal less strict. More strict it becomes only if the bound is shown, the fit
is as long as the window, and the policy is no conjunction. *Certain* leaves the worst benign unit a fifth
short of full strength; it comes nearer only to where labelled attacks stand. Of a conjunction all ramps move
by the same strength, which is how far its weakest part must move. Points are only taken away, from a signal
that labels show to separate badly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, inf, log, log10
from typing import Literal

from gateway.evaluation.observed import Highest, Rule, rules, together
from gateway.policies.bundle import Bundle, Policy
from gateway.statistics import allowed, clopper_pearson, needed, upper_bound

WORST = 0.8
"""The strength that the worst benign unit may have."""
ENOUGH = 10
"""Labelled attacks beyond harmless from which they say where certain is, and how well it separates."""
WORTH = 10.0
"""How much oftener attacks than benign units go beyond harmless, for a signal to be worth all its points."""
SMALLEST = 12
"""Decimals at most."""
DIGITS = 3
"""Of a learned number; rounded towards harmless."""

_NOBODY = "no benign principal gave it a value"

What = Literal["ramp", "points", "cap"]
Move = Literal["looser", "stricter", "kept"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned of one number (or two, of a ramp), in one line."""

    name: str
    """The signal, or the policy whose cap it is."""
    what: What
    old: tuple[float, ...]
    new: tuple[float, ...]
    move: Move
    benign: int
    """Benign units that gave it a value."""
    upper: float
    """With 95 % confidence at most this share of them lie beyond harmless."""
    why: str
    spread: tuple[float, ...] = ()
    """Median, 95th percentile and extreme of the benign units' values (of a conjunction: strengths)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked: the bound, how much time the fit has, and which signals (by name; empty: all)."""

    bound: float
    seconds: float
    names: frozenset[str] = frozenset()
    stricter: bool = True
    """Whether a signal may become more strict."""

    def asks(self, name: str) -> bool:
        """Whether a signal, or the cap of a policy, may be changed."""
        return not self.names or name in self.names or name.partition(".")[0] in self.names


@dataclass(frozen=True, slots=True)
class Seen:
    """The highest values of the units of both kinds, by signal or conjunction, from the highest down."""

    benign: dict[str, Sequence[Highest]]
    attacks: dict[str, Sequence[Highest]]


@dataclass(frozen=True, slots=True)
class _Limit:
    """Where harmless ends, by the benign units alone."""

    value: float
    shown: bool
    """Whether they are enough to show the bound."""
    unit: str
    """Who stands there."""


def learn(bundle: Bundle, seen: Seen, terms: Terms) -> Iterator[Lesson]:
    """What follows for every windowed signal that is asked for."""
    for policy in bundle.policies:
        asked = [rule for rule in rules(policy) if terms.asks(rule.name)]
        if asked and together(policy):
            yield from _conjunction(policy, seen, terms)
            continue
        for rule in asked:
            lesson = _signal(rule, seen, terms)
            yield lesson
            yield from _points(rule, lesson, seen)


def _limit(benign: Sequence[Highest], bound: float) -> _Limit:
    most = allowed(len(benign), bound)
    at = benign[most or 0]
    return _Limit(at.value, most is not None, at.unit)


def _lesson(
    rule: Rule, new: tuple[float, float], benign: Sequence[Highest], edge: float, limit: _Limit, why: str
) -> Lesson:
    """The lesson for a ramp (as it runs along), beyond whose harmless end, or `edge`, some benign lie."""
    beyond = sum(one.value > edge for one in benign)
    upper = upper_bound(beyond, len(benign))
    move = _move(rule.along, new)
    why += f"; {beyond:,} of {len(benign):,} benign beyond harmless (≤ {100 * upper:.2g}%)"
    if move != "kept":
        why += f", set by {limit.unit}"
    low, high = (value * rule.sign + 0.0 for value in new)
    return Lesson(rule.name, "ramp", rule.ramp, (low, high), move, len(benign), upper, why)


def _spread(benign: Sequence[Highest], sign: float) -> tuple[float, ...]:
    return tuple(benign[len(benign) // part].value * sign + 0.0 for part in (2, 20, len(benign) + 1))


def _signal(rule: Rule, seen: Seen, terms: Terms) -> Lesson:
    benign = seen.benign.get(rule.name, ())
    if not benign:
        return Lesson(rule.name, "ramp", rule.ramp, rule.ramp, "kept", 0, 1.0, _NOBODY)
    limit = _limit(benign, terms.bound)
    new, reason = _ramp(rule, limit, benign[0].value, seen.attacks.get(rule.name, ()), terms)
    lesson = _lesson(rule, new, benign, new[0], limit, reason)
    return replace(lesson, spread=_spread(benign, rule.sign))


def _move(old: tuple[float, float], new: tuple[float, float]) -> Move:
    if new == old:
        return "kept"
    return "looser" if new[0] >= old[0] and new[1] >= old[1] else "stricter"


def _ramp(
    rule: Rule, limit: _Limit, worst: float, attacks: Sequence[Highest], terms: Terms
) -> tuple[tuple[float, float], str]:
    """The ramp along which it should go, and why."""
    low, high = rule.along
    harmless, end = rounded(limit.value), _end(rule)
    if harmless >= end:
        return (low, high), "does not separate here: benign principals stand at the end of its range"
    kept, reason = _free(rule, limit, terms)
    if harmless <= low and not kept:
        harmless = low
    certain = _certain((low, high), harmless, worst, end)
    if kept:
        certain, labelled = _towards(attacks, certain, harmless, worst, end)
        reason = labelled or reason
    moved = _move((low, high), (harmless, certain))
    return (harmless, certain), "moved away from the benign" if moved == "looser" else reason


def _free(rule: Rule, limit: _Limit, terms: Terms) -> tuple[bool, str]:
    """Whether it may become more strict, and why or why not."""
    if not limit.shown:
        enough = f"{100 * terms.bound:.3g}% needs {needed(terms.bound):,}"
        return False, f"too few benign to be stricter ({enough})"
    if rule.window > terms.seconds:
        return False, "the fit is shorter than its window, so it may not be stricter"
    if not terms.stricter:
        return False, "stricter is not asked for, or would hit more of the benign together"
    return True, "moved to where the benign end"


def _end(rule: Rule) -> float:
    """Where values end along the ramp: a falling one's at 0, that of a share at 1."""
    low, high = rule.ramp
    if low > high >= 0:
        return 0.0
    return 1.0 if 0 <= low < high <= 1 else inf


def _certain(ramp: tuple[float, float], harmless: float, worst: float, end: float) -> float:
    """Not nearer than it was; further in proportion if harmless has moved, and if the worst is too near."""
    low, high = ramp
    scaled = high
    if harmless > low:
        if end < inf:
            scaled = end - (end - harmless) * (end - high) / (end - low)
        elif low > 0:
            scaled = high * harmless / low
        else:
            scaled = high + harmless - low
    spared = harmless + (worst - harmless) / WORST
    found = max(high, scaled, spared)
    return high if found == high else min(end, rounded(found))


def _towards(
    attacks: Sequence[Highest], certain: float, harmless: float, worst: float, end: float
) -> tuple[float, str]:
    """Nearer, to what three quarters of the labelled attacks reach that go beyond every benign unit."""
    beyond = sorted(one.value for one in attacks if one.value > max(worst, harmless))
    if len(beyond) < ENOUGH:
        return certain, ""
    reached = rounded(max(beyond[len(beyond) // 4], harmless + (worst - harmless) / WORST))
    if not harmless < reached < min(certain, end):
        return certain, ""
    return reached, f"certain where three quarters of {len(beyond):,} labelled attacks beyond the benign are"


def rounded(value: float) -> float:
    """To a few digits, towards suspicion along the ramp: never more strict than what was seen."""
    if not value:
        return 0.0
    digits = min(SMALLEST, DIGITS - 1 - floor(log10(abs(value))))
    # What has few digits already is kept, whatever the last bit of the multiplication.
    near = round(value, digits)
    return near if near >= value else round(ceil(value * 10.0**digits) / 10.0**digits, max(0, digits))


# --- conjunctions -----------------------------------------------------------------------------------------


def _conjunction(policy: Policy, seen: Seen, terms: Terms) -> Iterator[Lesson]:
    asked, benign = rules(policy), seen.benign.get(policy.id, ())
    if not benign:
        for rule in asked:
            yield Lesson(rule.name, "ramp", rule.ramp, rule.ramp, "kept", 0, 1.0, f"{policy.id}: {_NOBODY}")
        return
    limit = _limit(benign, terms.bound)
    ramps, reason = _shifted(asked, limit.value, benign[0].value)
    moved = ramps != [rule.along for rule in asked]
    edge = max(0.0, limit.value) if moved else 0.0
    for rule, new in zip(asked, ramps, strict=True):
        lesson = _lesson(rule, new, benign, edge, limit, f"{policy.id} as a whole: {reason}")
        yield replace(lesson, spread=_spread(benign, 1.0))


def _shifted(asked: Sequence[Rule], limit: float, worst: float) -> tuple[list[tuple[float, float]], str]:
    """All ramps between the same two strengths of now, for benign units that reach so much."""
    kept = [rule.along for rule in asked]
    if limit <= 0 and worst <= WORST:
        return kept, "a conjunction is never made stricter"
    start = max(0.0, limit)
    # However near the worst is, no cliff behind harmless.
    stop = max(1.0, start + (worst - start) / WORST, start + 1 - WORST)
    moved = []
    for rule, (low, high) in zip(asked, kept, strict=True):
        new, end = rounded(low + start * (high - low)), _end(rule)
        top = high if stop == 1 else min(end, rounded(low + stop * (high - low)))
        if new >= end:
            return kept, f"does not separate here: benign principals stand at the end of {rule.name}"
        moved.append((max(low, new), top))
    return moved, "moved away from the benign"


# --- points -----------------------------------------------------------------------------------------------


def _points(rule: Rule, lesson: Lesson, seen: Seen) -> Iterator[Lesson]:
    """Fewer, if labelled attacks and benign principals go beyond harmless too much alike."""
    edge = lesson.new[0] * rule.sign
    benign, attacks = seen.benign.get(rule.name, ()), seen.attacks.get(rule.name, ())
    hit, spared = (sum(one.value > edge for one in found) for found in (attacks, benign))
    if hit < ENOUGH or not spared:
        return
    # At best: what is not shown to separate badly keeps its points.
    ratio = clopper_pearson(hit, len(attacks))[1] / clopper_pearson(spared, len(benign))[0]
    points = rule.signal.points
    worth = max(1.0, float(floor(points * min(1.0, log(ratio, WORTH)))))
    if worth >= points:
        return
    why = (
        f"{hit:,} of {len(attacks):,} labelled attacks and {spared:,} of {len(benign):,} benign go beyond "
        f"harmless: at most {ratio:.2g} times as often, where {WORTH:g} times are worth all points"
    )
    upper = upper_bound(spared, len(benign))
    yield Lesson(rule.name, "points", (points,), (worth,), "looser", len(benign), upper, why)

"""A calibration in words and tables: every number with its reason, and what the benign pay."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.evaluation.calibration import Calibration, Touched
from gateway.evaluation.learning import Lesson
from gateway.evaluation.sections import Section, Table, bounded, percent


def number(value: float) -> str:
    """As it is written into a policy: without an exponent, which YAML would read as text."""
    return f"{value:.12f}".rstrip("0").rstrip(".")


def numbers(values: Sequence[float]) -> str:
    """One number, or a ramp."""
    said = ", ".join(map(number, values))
    return said if len(values) == 1 else f"[{said}]"


def calibration_sections(found: Calibration) -> tuple[Section, Section]:
    """The numbers, and the benign principals on each visible rung before and after."""
    return _numbers(found), _benign(found)


def _numbers(found: Calibration) -> Section:
    kept = [one for one in found.lessons if one.move == "kept"]
    bound = percent(found.bound)
    lead = f"{len(found.changes)} change, {len(kept)} stay; asked: at most {bound} of benign principals."
    moved = (f"{described(one)} ({one.move}): {_why(one)}." for one in found.changes)
    stayed = (f"{one.name} {one.what} stays at {numbers(one.new)}: {_why(one)}." for one in kept)
    return Section("learned", "Ramps, points and caps", lead, (), (*moved, *stayed))


def _why(one: Lesson) -> str:
    if not one.spread:
        return one.why
    median, most, worst = (f"{value:.3g}" for value in one.spread)
    return f"{one.why}; benign median {median}, 95% {most}, extreme {worst}"


def described(one: Lesson) -> str:
    """What changes, in one line."""
    return f"{one.name} {one.what}: {numbers(one.old)} → {numbers(one.new)}"


def _benign(found: Calibration) -> Section:
    heads = ("rung", "fit, before", "fit, after", "check, before", "check, after", "not seen in the fit")
    table = Table(heads, tuple(map(_rung, found.touched)))
    lead = "Benign principals (an organisation with several keys counts once) that reach a rung, with bounds."
    notes = tuple(f"You cannot know that yet: {reason}." for reason in found.reasons)
    return Section("benign", "What the benign pay", lead, (table,), notes)


def _rung(row: Touched) -> tuple[str, ...]:
    shares = (row.fit_before, row.fit, row.check_before, row.check, row.unseen)
    return (row.rung, *map(bounded, shares))

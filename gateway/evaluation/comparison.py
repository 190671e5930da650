"""Two bundles on the same traffic: what differs in the files, who moves, and whether the gates hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.evaluation.cases import KINDS, Cases, View
from gateway.evaluation.changes import Change, Effect, Static
from gateway.evaluation.confusion import Confusion, confusion, of_bundles
from gateway.evaluation.findings import action_rung
from gateway.evaluation.gates import Gate, check_gates, quantities
from gateway.evaluation.sections import Section, Table, confusion_section
from gateway.model import Mode
from gateway.policies.bundle import Bundle

_LONG = 60
_EFFECTS: tuple[Effect, ...] = ("stricter", "looser", "neutral")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`track` is the one that the matrix shows; without traffic there is no matrix."""

    static: Static
    track: View
    requests: int
    principals: int
    action: str
    confusion: Confusion | None
    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """Whether all gates hold."""
        return all(gate.passed for gate in self.gates)


def track_of(bundles: Sequence[Bundle]) -> View:
    """The enforced track as soon as anything may act, else the shadow one: on the other nothing happens."""
    enforcing = any(policy.mode is Mode.ENFORCE for bundle in bundles for policy in bundle.policies)
    return "enforced" if enforcing else "shadow"


def acting(bundle: Bundle) -> str:
    """The name of the first rung that acts."""
    return bundle.ladder.rungs[action_rung(bundle.ladder.rungs)].id


def known_gates(active: Bundle, candidate: Bundle, changed: Static, gates: list[str]) -> None:
    """Raises ConfigError for gates that cannot be read, before any traffic is."""
    rungs = [rung.id for bundle in (candidate, active) for rung in bundle.ladder.rungs]
    nobody = confusion("active", "candidate", list(dict.fromkeys(rungs)), ())
    check_gates(gates, quantities(nobody, changed, acting(active)))


def compared(active: Cases, candidate: Cases, changed: Static, track: View, gates: list[str]) -> Comparison:
    """The comparison of two replays of one trace."""
    found = of_bundles(active, candidate, track)
    action = acting(active.bundle)
    made = check_gates(gates, quantities(found, changed, action))
    principals = len(active.cases.keys() | candidate.cases.keys())
    return Comparison(changed, track, active.requests, principals, action, found, made)


def unplayed(active: Bundle, changed: Static) -> Comparison:
    """The comparison of the files alone."""
    return Comparison(changed, "shadow", 0, 0, acting(active), None, ())


def headline(made: Comparison) -> tuple[str, ...]:
    """What is compared."""
    lines = [f"active {made.static.before} · candidate {made.static.after}"]
    if made.confusion is not None:
        lines.append(f"{made.requests:,} requests · {made.principals:,} principals · {made.track} track")
    return tuple(lines)


def comparison_sections(made: Comparison) -> tuple[Section, ...]:
    """The static part, the matrix, and the gates."""
    parts = [_static(made.static)]
    if made.confusion is not None:
        parts += [confusion_section(made.confusion), _shifts(made.confusion)]
    if made.gates:
        parts.append(_gates(made.gates))
    return tuple(parts)


def _static(found: Static) -> Section:
    counts = "   ".join(f"{effect}: {found.count(effect)}" for effect in _EFFECTS)
    rows = tuple(
        (change.effect, change.path, _value(change.before), _value(change.after))
        for change in sorted(found.changes, key=_order)
    )
    words = frozenset({0, 1, 2, 3})
    tables = (Table(("effect", "what", "before", "after"), rows, words),) if rows else ()
    lost = found.counters.lost
    kept = "all" if not lost else f"{len(found.counters.kept)}; starting anew: {', '.join(lost)}"
    notes = (
        [f"New signals start with empty windows: {', '.join(found.counters.new)}."]
        if found.counters.new
        else []
    )
    return Section("changes", "Changed", f"{counts}   counters kept: {kept}.", tables, tuple(notes))


def _order(change: Change) -> tuple[int, str]:
    return _EFFECTS.index(change.effect), change.path


def _value(value: Any) -> str:
    if value is None:
        return "–"  # noqa: RUF001
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return said if len(said) <= _LONG else f"{said[: _LONG - 1]}…"


def _shifts(found: Confusion) -> Section:
    rows = tuple(
        (
            shift.rung,
            *(f"{shift.new[kind]:,}" for kind in KINDS),
            *(f"{shift.released[kind]:,}" for kind in KINDS),
            f"{shift.p:.3g}",
        )
        for shift in found.shifts
    )
    heads = ("rung", *(f"new {kind}" for kind in KINDS), *(f"released {kind}" for kind in KINDS), "McNemar p")
    lead = "Principals that are newly at each rung or above, and those released from it."
    return Section("shifts", "By rung", lead, (Table(heads, rows),))


def _gates(gates: Sequence[Gate]) -> Section:
    rows = tuple((gate.text, f"{gate.value:g}", "ok" if gate.passed else "FAILED") for gate in gates)
    failed = sum(not gate.passed for gate in gates)
    lead = f"{failed} of {len(gates)} failed." if failed else "All hold."
    return Section("gates", "Gates", lead, (Table(("gate", "is", ""), rows, frozenset({0, 2})),))

"""What the engine reads and evaluates for every call under a bundle, worked out once.

A call only looks things up by position here: which operations make its two batches (the principal's own
state, and the state it shares with its organisation), and where in the answers each policy's peaks and
each signal's readings stand. Detectors with one counter share one reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway import turns
from gateway.model import Mode, Op, Peaks, Register
from gateway.policies.bundle import Bundle, Policy, Signal

FIRST = Register("first")
"""When this principal was first seen."""
FIRST_AT, TURNS_AT, LADDER_AT = 0, 1, 2
"""Positions in the own batch; the two tracks' ladder memories stand from LADDER_AT on."""


@dataclass(frozen=True, slots=True)
class PlannedSignal:
    """A signal, its name in records, where its readings stand, and the rung its floor lifts to (or -1)."""

    signal: Signal
    name: str
    readings: tuple[int, ...]
    floor: int


@dataclass(frozen=True, slots=True)
class PlannedPolicy:
    """A policy, which batch its state is in, and where its peaks (enforced, shadow) stand."""

    policy: Policy
    batch: int
    peaks: int
    peak_key: str
    signals: tuple[PlannedSignal, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The batches and policies of one bundle; make it with `plan`."""

    bundle: Bundle
    batches: tuple[tuple[Op, ...], tuple[Op, ...]]
    """Operations on the principal's own state, and on the state shared in its organisation."""
    policies: tuple[PlannedPolicy, ...]
    ladders: tuple[Register, Register]
    """Reads of the ladder's memory on the enforced and the shadow track."""
    rungs: tuple[str, ...]


class _Batch:
    """Operations, each counter once, and where its reading will stand."""

    def __init__(self, *ops: Op) -> None:
        self.ops: list[Op] = list(ops)
        self._places = {op.key: place for place, op in enumerate(ops)}

    def place(self, op: Op) -> int:
        if op.key not in self._places:
            self._places[op.key] = len(self.ops)
            self.ops.append(op)
        return self._places[op.key]


def plan(bundle: Bundle) -> Plan:
    """The plan of a bundle."""
    ladder = bundle.ladder
    rungs = tuple(rung.id for rung in ladder.rungs)
    enforced, shadow = (Register(f"ladder:{ladder.id}:{track}") for track in ("enforced", "shadow"))
    batches = _Batch(FIRST, turns.QUERY, enforced, shadow), _Batch()
    policies = tuple(_policy(policy, batches, rungs) for policy in bundle.policies)
    return Plan(bundle, (tuple(batches[0].ops), tuple(batches[1].ops)), policies, (enforced, shadow), rungs)


def _policy(policy: Policy, batches: tuple[_Batch, _Batch], rungs: Sequence[str]) -> PlannedPolicy:
    which = 1 if policy.key == "org" else 0
    batch = batches[which]
    peaks = Peaks(f"peak:{policy.id}", policy.half_life, (0.0, 0.0))
    signals = tuple(
        PlannedSignal(
            signal,
            f"{policy.id}.{signal.id}",
            tuple(batch.place(op) for op in signal.detector.reads),
            rungs.index(signal.floor) if signal.floor else -1,
        )
        for signal in policy.signals
        if signal.mode is not Mode.DISABLED
    )
    return PlannedPolicy(policy, which, batch.place(peaks), peaks.key, signals)

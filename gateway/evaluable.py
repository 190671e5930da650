"""Which signals can be measured anew on recorded traffic, which only as recorded, and which not at all.

A signal needs the fields that its detector and its policy's `match` read; a line of traffic says what it
lacks. Where both meet the signal is *blind* on that line, and must not be evaluated at all: an absent
prompt would read as an empty one. If the line carries the value that was measured live, the signal is
*frozen*: ramp, points and mode apply to that value, while windows and patterns are those of then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.fields import Facts
from gateway.model import Measure, Mode, Reading
from gateway.policies.bundle import Bundle, Policy, Signal
from gateway.readers.base import Form, Value, lacking_fields
from gateway.signals.base import Detector

NAMELESS = "identity"
"""The aspect without which a line belongs to nobody, so that no window over a principal means anything."""


@dataclass(slots=True)
class Tray:
    """The recorded values of the line that is being replayed; the driver lays them out."""

    values: Mapping[str, Value] = field(default_factory=dict)


class Recorded(Detector):
    """Gives the recorded value, if the signal was measured then as it would be now.

    Without one it gives no verdict, so that a policy which asks for all of its signals says nothing.
    """

    def __init__(self, name: str, signal: Signal, tray: Tray) -> None:
        self._name, self._definition, self._tray = name, signal.definition, tray
        self.late = signal.detector.late

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """No verdict where nothing was recorded: the signal had no points then."""
        found = self._tray.values.get(self._name)
        if found is None or found.definition != self._definition:
            return None
        return Measure(found.value, found.n)


def _is_blind(policy: Policy, signal: Signal, lacks: Sequence[str], lacking: frozenset[str]) -> bool:
    detector = signal.detector
    if NAMELESS in lacks and detector.reads:
        return True
    asked = policy.match.fields if policy.match else frozenset()
    return not lacking.isdisjoint(detector.fields | asked)


def narrowed(bundle: Bundle, form: Form, tray: Tray) -> Bundle:
    """The bundle for lines of this form: blind signals give their recorded value, or nothing.

    Name, hash and ladder stay. What the policies have counted so far stays theirs.
    """
    tenants = tuple(
        replace(tenant, policies=_narrowed(tenant.policies, form, tray)) for tenant in bundle.tenants
    )
    return replace(bundle, policies=_narrowed(bundle.policies, form, tray), tenants=tenants)


def _narrowed(policies: Sequence[Policy], form: Form, tray: Tray) -> tuple[Policy, ...]:
    lacks, recorded = form
    lacking = lacking_fields(lacks)

    def signal_for(policy: Policy, signal: Signal) -> Signal:
        if signal.mode is Mode.DISABLED or not _is_blind(policy, signal, lacks, lacking):
            return signal
        if not recorded and policy.combine != "all":
            return replace(signal, mode=Mode.DISABLED)
        return replace(signal, detector=Recorded(f"{policy.id}.{signal.id}", signal, tray))

    def policy_for(policy: Policy) -> Policy:
        signals = tuple(signal_for(policy, signal) for signal in policy.signals)
        # A match that cannot be asked makes every signal of the policy blind, so that it decides nothing.
        blind = policy.match is not None and not lacking.isdisjoint(policy.match.fields)
        return replace(policy, signals=signals, match=None if blind else policy.match)

    return tuple(map(policy_for, policies))


# --- what to tell about an input -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evaluability:
    """Names of signals, by what the input allows; each stands where most of its lines put it."""

    re_evaluable: tuple[str, ...]
    frozen: tuple[str, ...]
    blind: tuple[str, ...]
    partly: Mapping[str, int]
    """On how many lines a signal was blind that is not listed as such."""

    def document(self) -> dict[str, Any]:
        """For the JSON report."""
        return {
            "re_evaluable": list(self.re_evaluable),
            "frozen": list(self.frozen),
            "blind": list(self.blind),
            "partly_blind": dict(self.partly),
        }


def evaluability(
    bundle: Bundle, forms: Mapping[Form, int], definitions: Collection[tuple[str, str | None]]
) -> Evaluability:
    """Every signal that is not disabled, over an input with so many lines of each form."""
    lists: tuple[list[str], list[str], list[str]] = ([], [], [])
    partly: dict[str, int] = {}
    expanded = [(lacks, lacking_fields(lacks), recorded, count) for (lacks, recorded), count in forms.items()]
    for name, policy, signal in _enabled(bundle):
        counts = [0, 0, 0]
        for lacks, lacking, recorded, count in expanded:
            state = 0
            if _is_blind(policy, signal, lacks, lacking):
                state = 1 if recorded and (name, signal.definition) in definitions else 2
            counts[state] += count
        # Of equals the worse: what is said to be measured should have been.
        most = max(range(3), key=lambda state: (counts[state], state)) if any(counts) else 0
        lists[most].append(name)
        if most != 2 and counts[2]:
            partly[name] = counts[2]
    return Evaluability(tuple(lists[0]), tuple(lists[1]), tuple(lists[2]), partly)


def _enabled(bundle: Bundle) -> Iterator[tuple[str, Policy, Signal]]:
    for policy in bundle.policies:
        for signal in policy.signals:
            if Mode.DISABLED not in (policy.mode, signal.mode):
                yield f"{policy.id}.{signal.id}", policy, signal

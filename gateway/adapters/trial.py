"""Trying bundles on recorded traffic: each replayed from the start, its decisions summed up per principal.

What `diff`, `tune` and `report` have in common beside their conclusions. The replay itself is that of
`gateway.adapters.replay`; every bundle gets a store of its own, so that none sees another's counters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.replay import Nobody, replay
from gateway.evaluation.cases import Cases, Label
from gateway.evaluation.entries import Entry, entry_of
from gateway.gate import Gate
from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.progress import progress
from gateway.readers.settings import reader_settings
from gateway.records import Record
from gateway.stores.memory import MemoryStore
from gateway.traffic import Survey, discover, merged, survey

MAX_PRINCIPALS = 1_000_000


@dataclass(frozen=True, slots=True)
class Trace:
    """Recorded traffic that has been read once; `quiet` shows no progress."""

    plan: Survey
    quiet: bool


def read_trace(
    files: Sequence[Path], *, quiet: bool = False, config: Path | None = None, secret: Path | None = None
) -> Trace:
    """Check every line. Raises ConfigError."""
    with progress("reading", None, quiet=quiet) as tick:
        return Trace(survey(discover([*files]), tick, settings=reader_settings(config, secret)), quiet)


def play(trace: Trace, bundle: Bundle, ceiling: Mode, sink: Callable[[Entry], None]) -> dict[str, Label]:
    """Replay the trace under a bundle; decisions go to `sink`. Returns the labels that the trace carries."""
    return play_records(trace, bundle, ceiling, lambda record: sink(entry_of(record)))


def play_records(
    trace: Trace, bundle: Bundle, ceiling: Mode, sink: Callable[[Record], None]
) -> dict[str, Label]:
    """The same with whole records, in which signals without points stand too."""
    gate = Gate(bundle, ceiling, MemoryStore(MAX_PRINCIPALS), Nobody())
    with progress(f"replaying {bundle.hash}", trace.plan.lines, quiet=trace.quiet) as tick:
        made = replay(gate, merged(trace.plan), sink=sink, tick=tick)
    return {name: Label(truth) for name, truth in made.truths().items()}


def cases_of(
    trace: Trace, bundle: Bundle, ceiling: Mode = Mode.ENFORCE, *, assume_benign: bool = False
) -> Cases:
    """The trace's principals under a bundle, labelled as the trace has them."""
    cases = Cases(bundle, assume_benign=assume_benign)
    cases.label(play(trace, bundle, ceiling, cases.add))
    return cases

"""What a signal's detector is: one measured number, from one call or from a window of them.

A detector is compiled once from its options and is immutable; its memory is in the store, under its
`fingerprint`. It sees a call in five steps, in this order:

    reads   what to read from the store (the same for every call, so it costs nothing to prepare)
    read    the readings → a number, including this call's own share
    enter   what to count now, at arrival
    study   what to count once the request was forwarded: features that cost more than 10 µs
    settle  what to count when the answer has ended (usage)

so that rates are counted at arrival, tokens at the end, and nothing waits for a costly feature. Two
detectors with one fingerprint ask for the same operations; the engine carries them out once. What is merely
added up is no step but a `Gauge`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import xxhash
from pydantic import BaseModel, ConfigDict

from gateway.conditions import Condition
from gateway.corpora import Corpus, Kind
from gateway.fields import Facts
from gateway.model import Measure, Op, Reading, Sum
from gateway.patterns import PatternSet
from gateway.references import Reference

Step = Literal["enter", "study", "settle"]
"""When something is counted, see above."""

Among = Literal["calls", "openings"]
"""Which calls a number is of: all, or openings, which replay no answer. Among those a harvest stands beside
other people's first words, and not beside their whole conversations."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """An amount to add up for every call that reaches the detector, said once instead of done at each call.

    All gauges of a bundle are counted together. `sum` reads what was added up. With `calls` its first number
    is that of the calls, and the amount the second one. A failing `amount` counts neither, nor does None.
    """

    sum: Sum
    step: Step
    amount: Callable[[Facts], float | None]
    calls: bool = False


class Options(BaseModel):
    """Base of every detector's options: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Context(Protocol):
    """What a detector may ask for while it is compiled: conditions, collections, references.

    Conditions have their pattern sets resolved. `population` is the canonical form of which calls reach
    the detector (its policy's `match` and `key`); it is part of the fingerprint, because other calls make
    another counter. A wrong condition raises ValueError with the words for the author, and so does a name
    of no pattern set (`@id`), of no collection, or of one that holds something else than what is asked for.
    """

    @property
    def population(self) -> str: ...

    def condition(self, spec: Any) -> Condition: ...

    def patterns(self, name: str) -> PatternSet: ...

    def corpus(self, name: str, of: Kind = "sentences") -> Corpus: ...

    def reference(self, name: str) -> Reference | None:
        """None where there is none: it is the operator's own, and a policy may come before it."""
        ...


def fingerprint(name: str, *parts: Any) -> str:
    """A short stable name of a counter: equal parsed parameters give an equal fingerprint."""
    canonical = json.dumps(parts, sort_keys=True, default=str)
    return f"{name}:{hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()}"


def population(key: str, match: Condition | None) -> str:
    """The canonical form of which calls a policy with this `key` and `match` counts (see `Context`)."""
    return json.dumps([key, match.canonical if match else ""])


def digest(text: str | None) -> int:
    """A text as a 64-bit hash, in place of which it is remembered; 0 of none."""
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "replace")) if text else 0


class Detector:
    """Base with neutral answers: no memory, no verdict.

    Subclasses live one family to a file with their `options_type`; `__init__(options, context)`
    compiles. `late` detectors read the answer: they are read at settle, and count from the next call on.
    """

    name: ClassVar[str]
    options_type: ClassVar[type[BaseModel]]
    late: bool = False
    fields: frozenset[str] = frozenset()
    """Names of the fields (`gateway.fields`) that it reads, of this call and of those in its window."""
    counts_at: frozenset[str] = frozenset({"enter", "study", "settle"})
    """Of these steps, those at which it may have something to count."""
    reads: tuple[Op, ...] = ()
    """What to read (and nothing else) for every call; answered in the same order in `read` and `study`. Of
    detectors for the same calls that read the same, one counts for all."""
    gauges: tuple[Gauge, ...] = ()
    """What is merely added up; a detector that has any reads these sums and nothing else."""

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The number, or None: no verdict yet (below `min`) or not concerned."""
        raise NotImplementedError

    def enter(self, facts: Facts) -> Sequence[Op]:
        """Writes at arrival."""
        return ()

    def study(self, facts: Facts, readings: Sequence[Reading]) -> Sequence[Op]:
        """Writes after forwarding; `readings` answer `reads`."""
        return ()

    def settle(self, facts: Facts) -> Sequence[Op]:
        """Writes after the answer; `facts.outcome` is set."""
        return ()

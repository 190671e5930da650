"""Which principals to look at, and what people said of them.

Looking only at what was flagged cannot find what was missed, so the queue is a stratified sample: as many
from every band of scores as there is room for, "none" included, each with the probability with which it
was drawn. Weighting by its inverse makes estimates of the whole (Horvitz and Thompson, 1952). Pure: files
and the terminal are the business of `gateway.commands.label`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.evaluation.entries import Entry

BANDS = (0.0, 5.0, 20.0, 35.0, 50.0, 65.0, 85.0)
"""Lower ends of the bands of the highest shadow score."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A principal as the queue shows it: what it did, how high it scored, and why."""

    principal: str
    org: str | None
    requests: int
    peak: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A subject in the queue, its band, and the probability with which it was drawn (0…1]."""

    subject: Subject
    band: str
    probability: float


def summarise(entries: Iterable[Entry]) -> list[Subject]:
    """One subject per principal from decision records, by name."""
    found: dict[str, Subject] = {}
    for entry in entries:
        before = found.get(entry.principal, Subject(entry.principal, None, 0, 0.0))
        score = entry.shadow.score
        found[entry.principal] = Subject(
            entry.principal,
            entry.org or before.org,
            before.requests + 1,
            max(before.peak, score),
            _reasons(entry) if score > before.peak else before.reasons,
        )
    return [found[name] for name in sorted(found)]


def _reasons(entry: Entry) -> tuple[str, ...]:
    ranked = sorted(entry.signals, key=lambda mark: (-mark.points, mark.id))
    return tuple(f"{mark.id}: {mark.text}" for mark in ranked[:3])


def band(peak: float) -> str:
    """The name of a score's band, such as `20-35`."""
    at = max(place for place, low in enumerate(BANDS) if peak >= low)
    return f"{BANDS[at]:g}+" if at == len(BANDS) - 1 else f"{BANDS[at]:g}-{BANDS[at + 1]:g}"


def draw(
    subjects: Sequence[Subject], size: int, seed: str, known: frozenset[str] = frozenset()
) -> list[Drawn]:
    """At most `size` subjects that are not `known`, the same number from each band where there are enough.

    Who is drawn is decided by a hash of seed and name, so that the same call gives the same queue.
    """
    strata: dict[str, list[Subject]] = {}
    for subject in subjects:
        if subject.principal not in known:
            strata.setdefault(band(subject.peak), []).append(subject)
    quota = _quotas({name: len(members) for name, members in strata.items()}, size)
    queue: list[Drawn] = []
    for name, members in strata.items():
        chosen = sorted(members, key=lambda subject: _dice(seed, subject.principal))[: quota[name]]
        queue += [Drawn(subject, name, quota[name] / len(members)) for subject in chosen]
    return sorted(queue, key=lambda drawn: (-drawn.subject.peak, drawn.subject.principal))


def _quotas(sizes: Mapping[str, int], size: int) -> dict[str, int]:
    """Equal shares; what a small band cannot use goes to the others, the smallest bands first."""
    left, quotas = size, {}
    for place, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name))):
        quotas[name] = min(sizes[name], left // (len(sizes) - place))
        left -= quotas[name]
    return quotas


def _dice(seed: str, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0{name}".encode("utf-8", "replace"), digest_size=16).digest()

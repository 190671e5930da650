"""Lints: what is allowed in policy files and most likely not meant.

Pure functions over documents and the bundle that they make; which day it is and which ids exist are
arguments. What is wrong in any case is an error of `gateway.policies` and does not stand here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gateway.authoring.findings import Finding, Severity
from gateway.authoring.ids import IdList
from gateway.model import Mode
from gateway.policies.bundle import Bundle, Ladder, Policy, Rung
from gateway.policies.exemptions import DAY, expiry
from gateway.policies.schema import (
    KINDS,
    Described,
    ExemptionDocument,
    PolicyDocument,
    TenantDocument,
)
from gateway.score import CORROBORATES, combined
from gateway.strict_yaml import Document, Path
from gateway.units import duration
from gateway.words import suggest

FASTEST = 500
"""Calls a second: the highest rate that a large public API grants one customer (30,000 a minute)."""


@dataclass(frozen=True, slots=True)
class Catalogues:
    """The ids that references may name."""

    atlas: IdList
    aisvs: IdList


@dataclass(frozen=True, slots=True)
class _Known:
    """A document that can be read, and its model."""

    document: Document
    model: Any

    def say(self, path: Path, message: str, severity: Severity = "warning", *, key: bool = True) -> Finding:
        dotted = ".".join(map(str, path))
        place = self.document.place(path, key=key)
        return Finding(place, severity, f"{dotted}: {message}" if dotted else message)


def lint(
    documents: Iterable[Document], bundle: Bundle | None, catalogues: Catalogues, today: float
) -> list[Finding]:
    """Every finding, in order of place; `bundle` None (it could not be made): what each document shows alone.

    `today` in seconds since the epoch.
    """
    known = list(_readable(documents))
    found = [finding for one in known for finding in _document(one, catalogues, today)]
    found += _overrides(known)
    if bundle is not None:
        found += _reach(known, bundle)
    return sorted(found, key=lambda one: (one.place.file, one.place.line, one.place.column))


def _readable(documents: Iterable[Document]) -> Iterator[_Known]:
    for document in documents:
        kind = document.value.get("kind") if isinstance(document.value, dict) else None
        try:
            yield _Known(document, KINDS[str(kind)].model_validate(document.value))
        except (KeyError, ValidationError):
            continue  # Told as an error already.


def _of(known: Iterable[_Known], model: type[Any]) -> list[_Known]:
    return [one for one in known if isinstance(one.model, model)]


# --- one document alone --------------------------------------------------------------------------------


def _document(one: _Known, catalogues: Catalogues, today: float) -> Iterator[Finding]:
    if isinstance(one.model, Described):
        yield from _references(one, catalogues)
    if isinstance(one.model, PolicyDocument):
        yield from _policy(one, one.model)
    elif isinstance(one.model, ExemptionDocument):
        # It holds through the whole of its last day.
        expires = one.model.expires + DAY
        if message := expiry(expires, today):
            severity: Severity = "error" if expires <= today else "warning"
            yield one.say(("expires",), message, severity, key=False)


def _references(one: _Known, catalogues: Catalogues) -> Iterator[Finding]:
    for index, reference in enumerate(one.model.references):
        for key, value in (("atlas", reference.atlas), ("aisvs", reference.aisvs)):
            catalogue: IdList = getattr(catalogues, key)
            if value is not None and _judged(value, catalogue) and value not in catalogue.ids:
                message = f"{value} is not in {catalogue.release}{suggest(value, catalogue.ids)}"
                yield one.say(("references", index, key), message, key=False)


def _judged(value: str, catalogue: IdList) -> bool:
    """Whether the list holds the family of this id: it may be of one chapter only."""
    family = value.partition(".")[0]
    return any(known.partition(".")[0] == family for known in catalogue.ids)


def _policy(one: _Known, model: PolicyDocument) -> Iterator[Finding]:
    if model.mode == "enforce" and model.status == "experimental":
        yield one.say(("mode",), "acts on people while its status is experimental: use shadow first")
    if not model.false_positives:
        message = "no false_positives: say which honest traffic it may hit, so that others can tell it apart"
        yield one.say(("false_positives",), message)
    for name, signal in model.signals.items():
        for detector, options in signal.extra.items():
            yield from _window(one, ("signals", name, detector), options)


def _window(one: _Known, path: Path, options: Any) -> Iterator[Finding]:
    """Whether `min` calls can come within `over`."""
    least = options.get("min") if isinstance(options, dict) else None
    try:
        seconds = duration(options["over"]) if isinstance(least, int) else 0.0
    except (KeyError, ValueError):
        return  # Told as an error already.
    if isinstance(least, int) and least > seconds * FASTEST:
        message = f"{least:,} calls in {options['over']} are more than {FASTEST} a second: no verdict ever"
        yield one.say((*path, "min"), message)


# --- tenants -------------------------------------------------------------------------------------------


def _overrides(known: Sequence[_Known]) -> Iterator[Finding]:
    """Overrides that say what the policy says anyway, and would hide its next change."""
    policies = {one.model.id: one for one in _of(known, PolicyDocument)}
    for tenant in _of(known, TenantDocument):
        for dotted, value in tenant.model.set.items():
            name, *path = dotted.split(".")
            policy = policies.get(name)
            if policy is not None and _same(policy, path, value):
                yield tenant.say(("set", dotted), "is what the policy says anyway: remove it")


def _same(policy: _Known, path: Sequence[str], value: Any) -> bool:
    changed: Any = copy.deepcopy(policy.document.value)
    holder = changed
    try:
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = value
        return bool(PolicyDocument.model_validate(changed) == policy.model)
    except (IndexError, KeyError, TypeError, ValidationError):
        return False  # Told as an error already.


# --- the whole bundle ----------------------------------------------------------------------------------


def _reach(known: Sequence[_Known], bundle: Bundle) -> Iterator[Finding]:
    live = [policy for policy in bundle.policies if policy.mode is not Mode.DISABLED]
    most = {policy.id: _most(policy) for policy in live}
    documents = {(one.model.kind, one.model.id): one for one in known}
    ladder = documents["ladder", bundle.ladder.id]
    for rung in _too_high(bundle.ladder, live, sum(most.values())):
        message = f"no policies reach {rung.at:g}: all together give {sum(most.values()):g} points at most"
        yield ladder.say(("rungs", rung.id, "at"), message)
    able = sum(points >= CORROBORATES for points in most.values())
    for rung in bundle.ladder.rungs:
        if (asked := rung.requires.policies) > able:
            message = f"asks for {asked} policies, but only {able} can give {CORROBORATES:g} points"
            yield ladder.say(("rungs", rung.id, "requires", "policies"), message)
    for policy in _too_low(bundle.ladder, live, most):
        first = bundle.ladder.rungs[0]
        message = (
            f"{most[policy.id]:g} points at most, below the first rung '{first.id}' ({first.at:g}): "
            "nothing happens unless another policy speaks too"
        )
        yield documents["policy", policy.id].say(("cap",), message)


def _most(policy: Policy) -> float:
    """The points that a policy can give at most."""
    points = [signal.points for signal in policy.signals if signal.mode is not Mode.DISABLED]
    return combined(policy, points)


def _too_high(ladder: Ladder, policies: Sequence[Policy], total: float) -> Iterator[Rung]:
    """Rungs above what all policies give, unless a floor lifts there or higher."""
    floors = {signal.floor for policy in policies for signal in policy.signals}
    for index, rung in enumerate(ladder.rungs):
        if rung.at > total and floors.isdisjoint(above.id for above in ladder.rungs[index:]):
            yield rung


def _too_low(ladder: Ladder, policies: Sequence[Policy], most: Mapping[str, float]) -> Iterator[Policy]:
    """Policies that alone reach no rung, neither by points nor by a floor."""
    for policy in policies:
        lifts = any(signal.floor for signal in policy.signals)
        if 0 < most[policy.id] < ladder.rungs[0].at and not lifts:
            yield policy

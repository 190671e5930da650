"""Lints: what is allowed in policy files and most likely not meant.

Pure functions over documents and the bundle that they make; which day it is, which ids exist and what tests
promise are arguments. What is wrong in any case is an error of `gateway.policies` and does not stand here;
what only the whole bundle shows stands in `gateway.authoring.reach`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gateway.authoring.findings import Finding, Severity
from gateway.authoring.ids import IdList
from gateway.authoring.known import Known, of, readable
from gateway.authoring.reach import reach
from gateway.policies.bundle import Bundle
from gateway.policies.exemptions import DAY, expiry
from gateway.policies.schema import Described, ExemptionDocument, PolicyDocument, TenantDocument
from gateway.strict_yaml import Document, Path
from gateway.units import duration

FASTEST = 500
"""Calls a second: the highest rate that a large public API grants one customer (30,000 a minute)."""
PATIENCE = 60
"""Days after which a policy that only watches should have been promoted, changed or given up."""


@dataclass(frozen=True, slots=True)
class Catalogues:
    """The ids that references may name."""

    atlas: IdList
    aisvs: IdList


def lint(
    documents: Iterable[Document],
    bundle: Bundle | None,
    catalogues: Catalogues,
    today: float,
    promises: Mapping[str, int],
) -> list[Finding]:
    """Every finding, in order of place; `bundle` None (it could not be made): what each document shows alone.

    `today` in seconds since the epoch; `promises`: how many test cases promise something to honest traffic,
    by policy.
    """
    known = list(readable(documents))
    found = [finding for one in known for finding in _document(one, catalogues, today)]
    for policy in of(known, PolicyDocument):
        found += _promised(policy, policy.model, promises.get(policy.model.id, 0))
    found += _overrides(known)
    if bundle is not None:
        found += reach(known, bundle)
        found += _common(known, bundle)
    return sorted(found, key=lambda one: (one.place.file, one.place.line, one.place.column))


# --- one document alone --------------------------------------------------------------------------------


def _document(one: Known, catalogues: Catalogues, today: float) -> Iterator[Finding]:
    if isinstance(one.model, Described):
        yield from _references(one, catalogues)
    if isinstance(one.model, PolicyDocument):
        yield from _policy(one, one.model)
        yield from _since(one, one.model, today)
    elif isinstance(one.model, ExemptionDocument):
        # It holds through the whole of its last day.
        expires = one.model.expires + DAY
        if message := expiry(expires, today):
            severity: Severity = "error" if expires <= today else "warning"
            yield one.say(("expires",), message, severity, key=False)


def _references(one: Known, catalogues: Catalogues) -> Iterator[Finding]:
    for index, reference in enumerate(one.model.references):
        for key, value in (("atlas", reference.atlas), ("aisvs", reference.aisvs)):
            catalogue: IdList = getattr(catalogues, key)
            if value is not None and (message := _misnamed(value, reference.note, catalogue)):
                yield one.say(("references", index, key), message, key=False)


def _misnamed(value: str, note: str, catalogue: IdList) -> str:
    """What is wrong with an id: it is not listed, or its note is the title of another. Empty: nothing."""
    title = catalogue.titles.get(value)
    if title is None:
        if not catalogue.judges(value):
            return ""
        near = catalogue.nearest(value, note)
        right = f" (did you mean '{near}', {catalogue.titles[near]}?)" if near else ""
        return f"{value} is not in {catalogue.release}{right}"
    others = catalogue.called(note)
    if not others or value in others:
        return ""
    return f"{value} is '{title}'; '{note}' is {others[0]}"


def _policy(one: Known, model: PolicyDocument) -> Iterator[Finding]:
    if model.mode == "enforce" and model.status == "experimental":
        yield one.say(("mode",), "acts on people while its status is experimental: use shadow first")
    if not model.false_positives:
        message = "no false_positives: say which honest traffic it may hit, so that others can tell it apart"
        yield one.say(("false_positives",), message)
    for name, signal in model.signals.items():
        for detector, options in signal.extra.items():
            yield from _window(one, ("signals", name, detector), options)


def _window(one: Known, path: Path, options: Any) -> Iterator[Finding]:
    """Whether `min` calls can come within `over`."""
    least = options.get("min") if isinstance(options, dict) else None
    try:
        seconds = duration(options["over"]) if isinstance(least, int) else 0.0
    except (KeyError, ValueError):
        return  # Told as an error already.
    if isinstance(least, int) and least > seconds * FASTEST:
        message = f"{least:,} calls in {options['over']} are more than {FASTEST} a second: no verdict ever"
        yield one.say((*path, "min"), message)


def _since(one: Known, model: PolicyDocument, today: float) -> Iterator[Finding]:
    """Whether a policy has only watched for too long; only its author can say since when."""
    if model.since is None:
        return
    days = int((today - model.since) // DAY)
    if days < 0:
        yield one.say(("since",), "is a day to come: write the day on which its mode last changed", key=False)
    elif model.mode == "shadow" and days > PATIENCE:
        message = f"in shadow for {days} days: promote it, change it, or disable it"
        yield one.say(("since",), message, key=False)


def _promised(one: Known, model: PolicyDocument, promises: int) -> Iterator[Finding]:
    """Whether as many tests promise something to honest traffic as there is honest traffic to fear for."""
    feared = len(model.false_positives)
    if promises < feared:
        entries = f"{feared} entr{'y' if feared == 1 else 'ies'}"
        message = (
            f"{entries}, but {promises} test case{'s' * (promises != 1)} with 'never' for honest traffic"
        )
        yield one.say(("false_positives",), f"{message}: write one for each")


# --- tenants -------------------------------------------------------------------------------------------


def _overrides(known: Sequence[Known]) -> Iterator[Finding]:
    """Overrides that say what the policy says anyway, and would hide its next change."""
    policies = {one.model.id: one for one in of(known, PolicyDocument)}
    for tenant in of(known, TenantDocument):
        for dotted, value in tenant.model.set.items():
            name, *path = dotted.split(".")
            policy = policies.get(name)
            if policy is not None and _same(policy, path, value):
                yield tenant.say(("set", dotted), "is what the policy says anyway: remove it")


def _same(policy: Known, path: Sequence[str], value: Any) -> bool:
    changed: Any = copy.deepcopy(policy.document.value)
    holder = changed
    try:
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = value
        return bool(PolicyDocument.model_validate(changed) == policy.model)
    except (IndexError, KeyError, TypeError, ValidationError):
        return False  # Told as an error already.


def _common(known: Sequence[Known], bundle: Bundle) -> Iterator[Finding]:
    for tenant in of(known, TenantDocument):
        if tenant.model.ladder == bundle.ladder.id:
            yield tenant.say(("ladder",), "is everybody's ladder anyway: remove it")

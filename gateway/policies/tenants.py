"""Tenant documents → `Tenant`: who it is, and every policy compiled anew with the tenant's numbers.

An override is laid into the policy's own document, which then goes through the same checks as any other,
so that a tenant can say nothing that a policy could not. Nothing is left to be looked up at run time.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from gateway.errors import Place
from gateway.model import Mode
from gateway.policies.bundle import Ladder, Policy, Tenant
from gateway.policies.problems import Problems
from gateway.policies.rules import PolicyCompiler, Scene
from gateway.policies.rungs import CORROBORATED
from gateway.policies.schema import PolicyDocument, TenantDocument
from gateway.strict_yaml import Document, Path
from gateway.words import quote, suggest

_OF_POLICY = ("mode", "rollout", "cap", "half_life")
_OF_SIGNAL = ("points", "ramp", "mode")
_OF_DETECTOR = ("over", "min")
"""What a tenant may set: how much, how far and over how long. What is measured stays the same for all."""

_SELECTORS = ("principals", "orgs", "tiers")


@dataclass(frozen=True, slots=True)
class Written:
    """A policy as it was written, read and compiled."""

    document: Document
    model: PolicyDocument
    policy: Policy


class TenantCompiler:
    """Compiles tenants; mistakes go to `problems`. `ladders` are all there are, `common` everybody's."""

    def __init__(
        self,
        written: Sequence[Written],
        ladders: Mapping[str, Ladder],
        common: Ladder,
        scene: Scene,
        problems: Problems,
    ) -> None:
        self._written, self._ladders, self._common = written, ladders, common
        # Floors are checked against the tenant's own ladder, with words of their own.
        self._scene = replace(scene, rungs=None)
        self._problems = problems
        self._settable = {".".join(map(str, path)): path for one in written for path in _paths(one.model)}
        self._claimed: dict[tuple[str, str], tuple[str, Place]] = {}

    def compile(self, document: Document, model: TenantDocument) -> Tenant:
        """The tenant, complete if no problem was found."""
        self._claim(document, model)
        changes: dict[str, dict[Path, tuple[Any, Place]]] = {}
        for dotted, value in model.set.items():
            path = self._settable.get(dotted)
            if path is None:
                if not self._scene.lost:
                    message = f"there is no {quote(dotted)} to set{suggest(dotted, self._settable)}"
                    self._problems.unknown(document, ("set", dotted), message)
                continue
            place = document.place(("set", dotted))
            changes.setdefault(str(path[0]), {})[path[1:]] = (value, place)
        policies = tuple(self._variant(one, changes.get(one.policy.id, {})) for one in self._written)
        return Tenant(
            id=model.id,
            principals=frozenset(model.principals),
            orgs=frozenset(model.orgs),
            tiers=frozenset(model.tiers),
            ceiling=Mode[model.mode.upper()],
            policies=policies,
            ladder=self._ladder(document, model, policies),
        )

    def _claim(self, document: Document, model: TenantDocument) -> None:
        """Nobody may be in two tenants by the same kind of name: which one counts must be plain."""
        for selector in _SELECTORS:
            for index, name in enumerate(getattr(model, selector)):
                place = document.place((selector, index))
                other, first = self._claimed.setdefault((selector, name), (model.id, place))
                if first is not place:
                    message = f"{quote(name)} is in tenant '{other}' already (at {first})"
                    self._problems.add(document, (selector, index), message, at_key=False)

    def _variant(self, one: Written, changes: Mapping[Path, tuple[Any, Place]]) -> Policy:
        if not changes:
            return one.policy
        document = _overridden(one.document, changes)
        try:
            model = PolicyDocument.model_validate(document.value)
        except ValidationError as error:
            self._problems.explain(document, error, PolicyDocument)
            return one.policy
        return PolicyCompiler(self._scene, self._problems, {}).compile(document, model)

    # --- the tenant's ladder ----------------------------------------------------------------------

    def _ladder(self, document: Document, model: TenantDocument, policies: Sequence[Policy]) -> Ladder:
        if model.ladder is None:
            return self._common
        ladder = self._ladders.get(model.ladder)
        if ladder is None:
            if not self._scene.lost:
                message = f"no ladder {quote(model.ladder)}{suggest(model.ladder, self._ladders)}"
                self._problems.add(document, ("ladder",), message, at_key=False)
            return self._common
        if not self._common.rungs:
            return ladder
        for message in (*_strangers(ladder, self._common), *_floors(ladder, policies)):
            self._problems.add(document, ("ladder",), message, at_key=False)
        return ladder


def _strangers(ladder: Ladder, common: Ladder) -> Iterator[str]:
    """Rung names are one vocabulary: reports count them over all principals, in one order."""
    known = [rung.id for rung in common.rungs]
    own = [rung.id for rung in ladder.rungs]
    strange = [name for name in own if name not in known]
    for name in strange:
        yield f"its rung '{name}' is none of the common ladder's{suggest(name, known)}"
    if not strange and own != [name for name in known if name in own]:
        yield f"its rungs stand in another order than the common ladder's: {', '.join(known)}"


def _floors(ladder: Ladder, policies: Sequence[Policy]) -> Iterator[str]:
    rungs = {rung.id: rung for rung in ladder.rungs}
    for policy in policies:
        for signal in policy.signals:
            if signal.floor is None:
                continue
            name = f"{policy.id}.{signal.id}"
            if signal.floor not in rungs:
                yield f"it has no rung '{signal.floor}', to which {name} may lift"
            elif rungs[signal.floor].requires.policies >= CORROBORATED:
                yield f"{name} may not lift alone to its rung '{signal.floor}', which needs more policies"


# --- overrides -----------------------------------------------------------------------------------------


def _paths(model: PolicyDocument) -> Iterator[Path]:
    """Everything that can be set in a policy, from its id on."""
    yield from ((model.id, key) for key in _OF_POLICY)
    for name, signal in model.signals.items():
        path: Path = (model.id, "signals", name)
        yield from ((*path, key) for key in _OF_SIGNAL if key != "ramp" or signal.ramp)
        for detector, options in signal.extra.items():
            keys: Collection[str] = options if isinstance(options, dict) else ()
            yield from ((*path, detector, key) for key in _OF_DETECTOR if key in keys)


def _overridden(document: Document, changes: Mapping[Path, tuple[Any, Place]]) -> Document:
    """The document with other values, which stand where the tenant wrote them."""
    value: Any = copy.deepcopy(document.value)
    places = dict(document.places)
    for path, (new, place) in changes.items():
        holder = value
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = new
        for inside in [known for known in places if known[: len(path)] == path]:
            del places[inside]
        places[path] = (place, place)
    return Document(value, places)

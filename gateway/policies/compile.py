"""Documents → `Bundle`: read by kind, cross-checked, compiled, and named by a hash of what they say.

Pure: files are the business of `gateway.policies.load`. Nothing is compiled by halves: any problem in
any document is an error, and all of them are told at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from gateway.actions.base import Action
from gateway.errors import Place
from gateway.model import Mode
from gateway.patterns import Pattern, PatternError, PatternSet
from gateway.policies.bundle import Bundle, Ladder, Policy, Rollout
from gateway.policies.problems import Problems
from gateway.policies.rules import PolicyCompiler, Scene, check_keys
from gateway.policies.rungs import LadderCompiler
from gateway.policies.schema import (
    KINDS,
    PLANNED,
    TESTS,
    LadderDocument,
    PatternsDocument,
    PolicyDocument,
)
from gateway.signals.base import Detector
from gateway.strict_yaml import Document, Path
from gateway.words import quote, suggest

_Model = TypeVar("_Model", PolicyDocument, PatternsDocument, LadderDocument)


@dataclass(frozen=True, slots=True)
class _Source(Generic[_Model]):
    """A document with its model; `canonical` collects the parsed options of its detectors and actions."""

    document: Document
    model: _Model
    canonical: dict[Path, Any]

    def say(self) -> str:
        """Canonical JSON of what the document says: defaults filled in, `60m` as `1h`, keys in order."""
        said: dict[str, Any] = self.model.model_dump(mode="json", by_alias=True)
        for path, options in self.canonical.items():
            holder: Any = said
            for part in path[:-1]:
                holder = holder[part]
            holder[path[-1]] = options
        return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True)
class _Sources:
    """Documents by kind. `lost`: some could not be read, so what they define is not known."""

    policies: list[_Source[PolicyDocument]]
    patterns: list[_Source[PatternsDocument]]
    ladders: list[_Source[LadderDocument]]
    lost: bool

    def all(self) -> Iterable[_Source[Any]]:
        return (*self.policies, *self.patterns, *self.ladders)


def compile_bundle(
    documents: Iterable[Document],
    *,
    detectors: Mapping[str, type[Detector]],
    actions: Mapping[str, type[Action]],
    origin: str = "policies",
    problems: Sequence[tuple[Place, str]] = (),
) -> Bundle:
    """The bundle that the documents make, in whatever order and files they come.

    `origin` names the whole in messages; `problems` are those already found in files that could not be
    parsed. Raises ConfigError with all problems of all documents.
    """
    found = Problems(list(problems))
    sources = _read(documents, detectors, found)
    sets = {source.model.id: _pattern_set(source, found) for source in sources.patterns}
    ladder = _ladder(sources, actions, found, origin)
    rungs = {rung.id: rung for rung in ladder.rungs} if sources.ladders else None
    scene = Scene(detectors, sets, rungs, sources.lost)
    policies = tuple(
        PolicyCompiler(scene, found, source.canonical).compile(source.document, source.model)
        for source in sorted(sources.policies, key=lambda source: source.model.id)
    )
    found.check()
    summary = _summary(sources, policies, ladder)
    return Bundle(_hash(sources), policies, ladder, summary, found.warnings(), sets)


def with_mode(bundle: Bundle, mode: Mode) -> Bundle:
    """The same bundle with every policy and signal in `mode`, for everybody; what is disabled stays so."""
    return replace(bundle, policies=tuple(_policy_with_mode(policy, mode) for policy in bundle.policies))


def _policy_with_mode(policy: Policy, mode: Mode) -> Policy:
    signals = tuple(
        signal if signal.mode is Mode.DISABLED else replace(signal, mode=mode) for signal in policy.signals
    )
    if policy.mode is Mode.DISABLED:
        mode = Mode.DISABLED
    return replace(policy, mode=mode, rollout=Rollout(by=policy.rollout.by), signals=signals)


def _read(documents: Iterable[Document], detectors: Collection[str], problems: Problems) -> _Sources:
    """Each document by its kind's model; empty ones and `tests` are passed over."""
    sources = _Sources([], [], [], lost=bool(problems.found))
    seen: dict[tuple[str, str], Place] = {}
    for document in documents:
        if document.value is None:
            continue
        kind = _kind(document, problems)
        if kind == TESTS:
            continue
        if KINDS.get(kind) is PolicyDocument:
            check_keys(document, detectors, problems)
        try:
            model = KINDS[kind].model_validate(document.value) if kind else None
        except ValidationError as error:
            problems.explain(document, error, KINDS[kind])
            model = None
        if model is None:
            sources.lost = True
            continue
        place = document.place(("id",))
        first = seen.setdefault((kind, model.id), place)
        if first is not place:
            problems.add(
                document, ("id",), f"{kind} '{model.id}' is defined twice (first at {first})", at_key=False
            )
        elif isinstance(model, PolicyDocument):
            sources.policies.append(_Source(document, model, {}))
        elif isinstance(model, PatternsDocument):
            sources.patterns.append(_Source(document, model, {}))
        else:
            sources.ladders.append(_Source(document, model, {}))
    return sources


def _kind(document: Document, problems: Problems) -> str:
    """The document's kind, empty (and a problem) if there is none that can be read."""
    value = document.value
    if not isinstance(value, dict):
        problems.add(document, (), "write a mapping with 'kind', 'id' and 'title'")
        return ""
    kind = value.get("kind")
    known = [*KINDS, TESTS]
    if kind in known:
        return str(kind)
    if "kind" not in value:
        problems.add(document, (), f"missing key 'kind': {', '.join(known)}")
    elif kind in PLANNED:
        problems.add(document, ("kind",), f"kind '{kind}' is not supported yet", at_key=False)
    else:
        message = f"{quote(kind)} is not one of {', '.join(known)}{suggest(kind, known)}"
        problems.add(document, ("kind",), message, at_key=False)
    return ""


def _pattern_set(source: _Source[PatternsDocument], problems: Problems) -> PatternSet:
    """The set; an empty one in its place if it is wrong, so that its users are not blamed."""
    patterns = {
        name: Pattern(item.regex, item.weight, tuple(item.match), tuple(item.passes))
        for name, item in source.model.items.items()
    }
    try:
        return PatternSet(source.model.id, patterns)
    except PatternError as error:
        for path, message in error.problems:
            problems.add(source.document, ("items", *path), message, at_key=False)
        return PatternSet(source.model.id, {})


def _ladder(
    sources: _Sources, actions: Mapping[str, type[Action]], problems: Problems, origin: str
) -> Ladder:
    """The one ladder; an empty one (and a problem) if there is none."""
    if not sources.ladders:
        if not sources.lost:
            problems.found.append((Place(origin), "no ladder: write one document of kind 'ladder'"))
        return Ladder("", ())
    first, *others = sources.ladders
    for other in others:
        message = f"a second ladder: there is one already at {first.document.place(('id',))}"
        problems.add(other.document, ("kind",), message)
    return LadderCompiler(actions, problems, first.canonical).compile(first.document, first.model)


def _hash(sources: _Sources) -> str:
    """12 hex digits of SHA-256 over what all documents say, in an order of its own."""
    said = sorted(source.say() for source in sources.all())
    return hashlib.sha256("\n".join(said).encode("utf-8")).hexdigest()[:12]


def _summary(sources: _Sources, policies: Sequence[Policy], ladder: Ladder) -> str:
    files = {source.document.place(()).file for source in sources.all()}
    signals = sum(len(policy.signals) for policy in policies)
    patterns = sum(len(source.model.items) for source in sources.patterns)
    return (
        f"{_many(len(files), 'file')}: {_many(len(policies), 'policy', 'policies')} "
        f"({_many(signals, 'signal')}), {_many(len(sources.patterns), 'pattern set')} "
        f"({_many(patterns, 'pattern')}), ladder '{ladder.id}' ({_many(len(ladder.rungs), 'rung')})"
    )


def _many(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"

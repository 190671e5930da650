"""Documents → `Bundle`: read by kind, cross-checked, compiled, and named by a hash of what they say.

Pure: files are the business of `gateway.policies.load`. Nothing is compiled by halves: any problem in
any document is an error, and all of them are told at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from gateway.actions.base import Action
from gateway.errors import Place
from gateway.marks.greenlist import Vocabulary, Word
from gateway.model import Mode
from gateway.patterns import Pattern, PatternError, PatternSet, together
from gateway.policies.bundle import Bundle, Ladder, Policy, Rollout, Tenant
from gateway.policies.exemptions import ExemptionCompiler
from gateway.policies.problems import Problems
from gateway.policies.rules import Pack, PolicyCompiler, Scene, check_keys
from gateway.policies.rungs import LadderCompiler
from gateway.policies.schema import (
    KINDS,
    TESTS,
    AnyDocument,
    ExemptionDocument,
    LadderDocument,
    PatternsDocument,
    PolicyDocument,
    TenantDocument,
    VocabularyDocument,
)
from gateway.policies.tenants import TenantCompiler, Written
from gateway.signals.base import Detector
from gateway.strict_yaml import Document, Path
from gateway.words import quote, suggest

_Model = TypeVar("_Model", bound=AnyDocument)


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
    """All documents that could be read, by id. `lost`: some could not, so what they define is not known."""

    found: list[_Source[Any]]
    lost: bool
    broken: list[Document] = field(default_factory=list)
    """Policies that could not be read as a whole."""

    def of(self, model: type[_Model]) -> list[_Source[_Model]]:
        """Those of one kind."""
        return [source for source in self.found if isinstance(source.model, model)]


def compile_bundle(
    documents: Iterable[Document],
    *,
    detectors: Mapping[str, type[Detector]],
    actions: Mapping[str, type[Action]],
    origin: str = "policies",
    problems: Sequence[tuple[Place, str]] = (),
    today: float | None = None,
    corpora: Mapping[str, Pack] = MappingProxyType({}),
) -> Bundle:
    """The bundle that the documents make, in whatever order and files they come.

    `origin` names the whole in messages; `problems` are those already found in files that could not be
    parsed; `corpora` are the collections that signals may name; with `today` (seconds since the epoch)
    exemptions that end soon are warned of. Raises ConfigError with all problems of all documents.
    """
    found = Problems(list(problems))
    sources = _read(documents, detectors, found)
    sets, words = _pattern_sets(sources, found), _vocabularies(sources, found)
    ladder = _common_ladder(sources, ladders := _ladders(sources, actions, words, found), found, origin)
    rungs = {rung.id: rung for rung in ladder.rungs} or None
    scene = Scene(detectors, sets, rungs, sources.lost, corpora)
    written = _policies(sources, scene, found)
    policies = tuple(one.policy for one in written)
    tenant = TenantCompiler(written, ladders, ladder, scene, found).compile
    tenants = tuple(tenant(source.document, source.model) for source in sources.of(TenantDocument))
    exemption = ExemptionCompiler(policies, sets, found, lost=sources.lost, today=today).compile
    exemptions = [exemption(source.document, source.model) for source in sources.of(ExemptionDocument)]
    found.check()
    return Bundle(
        _hash(sources, corpora),
        policies,
        ladder,
        _summary(sources, policies, ladder, corpora),
        found.warnings(),
        sets,
        tenants,
        tuple(filter(None, exemptions)),
        words,
    )


def _ladders(
    sources: _Sources,
    actions: Mapping[str, type[Action]],
    words: Mapping[str, Vocabulary],
    problems: Problems,
) -> dict[str, Ladder]:
    return {
        source.model.id: LadderCompiler(
            actions, problems, source.canonical, words, lost=sources.lost
        ).compile(source.document, source.model)
        for source in sources.of(LadderDocument)
    }


def _policies(sources: _Sources, scene: Scene, problems: Problems) -> list[Written]:
    for document in sources.broken:
        PolicyCompiler(scene, problems, {}).survey(document)
    return [
        Written(
            source.document,
            source.model,
            PolicyCompiler(scene, problems, source.canonical).compile(source.document, source.model),
        )
        for source in sources.of(PolicyDocument)
    ]


def vocabularies(documents: Iterable[Document], problems: Problems) -> dict[str, Vocabulary]:
    """The vocabularies among the documents, by id; nothing else of them is looked at."""
    found = (
        one
        for one in documents
        if isinstance(one.value, dict) and KINDS.get(str(one.value.get("kind"))) is VocabularyDocument
    )
    return _vocabularies(_read(found, (), problems), problems)


def with_mode(bundle: Bundle, mode: Mode) -> Bundle:
    """The same bundle with every policy and signal in `mode`, for everybody; what is disabled stays so."""
    return replace(
        bundle,
        policies=tuple(_policy_with_mode(policy, mode) for policy in bundle.policies),
        tenants=tuple(_tenant_with_mode(tenant, mode) for tenant in bundle.tenants),
    )


def _tenant_with_mode(tenant: Tenant, mode: Mode) -> Tenant:
    policies = tuple(_policy_with_mode(policy, mode) for policy in tenant.policies)
    return replace(tenant, ceiling=mode if tenant.ceiling else tenant.ceiling, policies=policies)


def _policy_with_mode(policy: Policy, mode: Mode) -> Policy:
    signals = tuple(
        signal if signal.mode is Mode.DISABLED else replace(signal, mode=mode) for signal in policy.signals
    )
    if policy.mode is Mode.DISABLED:
        mode = Mode.DISABLED
    return replace(policy, mode=mode, rollout=Rollout(by=policy.rollout.by), signals=signals)


def _read(documents: Iterable[Document], detectors: Collection[str], problems: Problems) -> _Sources:
    """Each document by its kind's model; empty ones and `tests` are passed over."""
    sources = _Sources([], lost=bool(problems.found))
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
            if KINDS[kind] is PolicyDocument:
                sources.broken.append(document)
        if model is None:
            sources.lost = True
            continue
        place = document.place(("id",))
        first = seen.setdefault((kind, model.id), place)
        if first is not place:
            problems.add(
                document, ("id",), f"{kind} '{model.id}' is defined twice (first at {first})", at_key=False
            )
        else:
            sources.found.append(_Source(document, model, {}))
    sources.found.sort(key=lambda source: str(source.model.id))
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
    else:
        message = f"{quote(kind)} is not one of {', '.join(known)}{suggest(kind, known)}"
        problems.add(document, ("kind",), message, at_key=False)
    return ""


def _pattern_sets(sources: _Sources, problems: Problems) -> dict[str, PatternSet]:
    sets = {source.model.id: _pattern_set(source, problems) for source in sources.of(PatternsDocument)}
    together(sets.values())
    return sets


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


def _vocabularies(sources: _Sources, problems: Problems) -> dict[str, Vocabulary]:
    """By id; an empty one in the place of a wrong one, so that its users are not blamed."""
    found: dict[str, Vocabulary] = {}
    for source in sources.of(VocabularyDocument):
        words = (Word(text, word.id, word.count) for text, word in source.model.words.items())
        try:
            found[source.model.id] = Vocabulary(words, source.model.models)
        except ValueError as error:
            problems.add(source.document, ("words",), str(error))
            found[source.model.id] = Vocabulary(())
    return found


def _common_ladder(
    sources: _Sources, ladders: Mapping[str, Ladder], problems: Problems, origin: str
) -> Ladder:
    """The one ladder that no tenant names; an empty one (and a problem) if there is none."""
    own = {source.model.ladder for source in sources.of(TenantDocument)}
    written = sources.of(LadderDocument)
    if len(written) > 1:
        written = [source for source in written if source.model.id not in own]
    if not written:
        if not sources.lost:
            message = "no ladder: write one document of kind 'ladder'"
            problems.found.append((Place(origin), message + (" that no tenant names" if ladders else "")))
        return Ladder("", ())
    # In the order of the files: which of two is one too many is for their author to say.
    first, *others = sorted(written, key=lambda source: _position(source.document.place(("id",))))
    # A tenant that could not be read may be the one that names it.
    for other in () if sources.lost else others:
        message = f"a second ladder: there is one already at {first.document.place(('id',))}"
        problems.add(other.document, ("kind",), message)
    return ladders[first.model.id]


def _position(place: Place) -> tuple[str, int, int]:
    return place.file, place.line, place.column


def _hash(sources: _Sources, corpora: Mapping[str, Pack]) -> str:
    """12 hex digits of SHA-256 over what all documents and collections say, in an order of its own."""
    said = sorted(source.say() for source in sources.found)
    said += sorted(f"{name} {corpus.hash}" for name, corpus in corpora.items())
    return hashlib.sha256("\n".join(said).encode("utf-8")).hexdigest()[:12]


def _summary(
    sources: _Sources, policies: Sequence[Policy], ladder: Ladder, corpora: Mapping[str, Pack]
) -> str:
    files = {source.document.place(()).file for source in sources.found}
    signals = sum(len(policy.signals) for policy in policies)
    sets = sources.of(PatternsDocument)
    patterns = sum(len(source.model.items) for source in sets)
    parts = [
        f"{_many(len(policies), 'policy', 'policies')} ({_many(signals, 'signal')})",
        f"{_many(len(sets), 'pattern set')} ({_many(patterns, 'pattern')})",
        f"ladder '{ladder.id}' ({_many(len(ladder.rungs), 'rung')})",
    ]
    parts += [
        _many(number, word)
        for word, kind in (("tenant", TenantDocument), ("exemption", ExemptionDocument))
        if (number := len(sources.of(kind)))
    ]
    parts += [_many(len(corpora), "corpus", "corpora")] if corpora else []
    return f"{_many(len(files), 'file')}: {', '.join(parts)}"


def _many(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"

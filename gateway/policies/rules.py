"""Policy documents → `Policy`: detectors built from their options, conditions resolved, words checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from pydantic import ValidationError

from gateway.conditions import Condition, ConditionError, UnknownSetError, compile_condition
from gateway.corpora import Corpus, Kind
from gateway.model import Mode
from gateway.patterns import PatternSet
from gateway.policies.bundle import Policy, Rung, Signal
from gateway.policies.problems import Problems
from gateway.policies.rungs import CORROBORATED
from gateway.policies.schema import PolicyDocument, SignalDocument
from gateway.references import Reference
from gateway.signals.base import Detector, fingerprint, population
from gateway.signals.drift import Drift
from gateway.strict_yaml import Document, Path
from gateway.words import quote, suggest

_YES_NO = "request"
"""The detector whose value is a strength already, hence without a ramp."""
PLANNED = frozenset({"cel"})
"""Detectors that the design names and a later version brings."""
_CAMPAIGN = "campaign"
"""The detector that a policy with that key is about, and the name of the key."""
_OF_A_CALL = frozenset({_YES_NO, "field"})
"""Detectors without a memory, which may stand beside it."""
PACKED = ".corpus"
"""How the files of collections end (`gateway.corpora`)."""
Pack = Corpus | Reference
"""What such a file holds."""
_WORDS = ("value", "n", "over", "lo", "hi")
_FORMAT = re.compile(r",?(?:\.\d)?[defgs%]?")


@dataclass(frozen=True, slots=True)
class Scene:
    """What policies refer to. `rungs` None: the ladder could not be read; `lost`: nor some other document,
    so that a pattern set which is not there is no mistake of the policy's."""

    detectors: Mapping[str, type[Detector]]
    patterns: Mapping[str, PatternSet]
    rungs: Mapping[str, Rung] | None
    lost: bool
    packs: Mapping[str, Pack]


@dataclass(frozen=True, slots=True)
class _Context:
    """What a detector may ask for (`gateway.signals.base.Context`); `path` is where `options` stand."""

    population: str
    scene: Scene
    options: object
    path: Path

    def condition(self, spec: Any) -> Condition:
        """The compiled condition. Raises ConditionError with the path from the document's root."""
        try:
            return compile_condition(spec, self.scene.patterns)
        except ConditionError as error:
            holders = self.options.items() if isinstance(self.options, Mapping) else ()
            inside = () if spec == self.options else tuple(key for key, value in holders if value == spec)[:1]
            error.path = (*self.path, *inside, *error.path)
            raise

    def patterns(self, name: str) -> PatternSet:
        """The set that `@id` names. Raises UnknownSetError with the path from the document's root."""
        found = self.scene.patterns.get(name.removeprefix("@")) if name.startswith("@") else None
        if found is None:
            holders = self.options.items() if isinstance(self.options, Mapping) else ()
            inside = tuple(key for key, value in holders if value == name)[:1]
            near = suggest(name, [f"@{known}" for known in self.scene.patterns])
            raise UnknownSetError((*self.path, *inside), f"no pattern set {quote(name)}{near}")
        return found

    def corpus(self, name: str, of: Kind = "sentences") -> Corpus:
        """The collection of this name. Raises ConditionError with the path from the document's root."""
        found = self.scene.packs.get(name)
        if isinstance(found, Corpus) and found.origin.of == of:
            return found
        lists = self.options.items() if isinstance(self.options, Mapping) else ()
        inside = [(key, held.index(name)) for key, held in lists if isinstance(held, list) and name in held]
        near = suggest(name, [known for known, pack in self.scene.packs.items() if pack.origin.of == of])
        message = f"no corpus {quote(name)}{near}: packs (*{PACKED}) lie beside the policies"
        if found is not None:
            message = f"corpus {quote(name)} is one of {found.origin.of}, and {of} are looked up here{near}"
        raise ConditionError((*self.path, *(inside[0] if inside else ())), message)

    def reference(self, name: str) -> Reference | None:
        """The reference of this name; None where the operator has none."""
        found = self.scene.packs.get(name)
        return found if isinstance(found, Reference) else None


def check_keys(document: Document, detectors: Collection[str], problems: Problems) -> None:
    """Names the unknown keys of all signals, whatever else is wrong with the policy.

    Not pydantic's business, because which detectors there are is not known to the models.
    """
    value = document.value
    signals = value.get("signals") if isinstance(value, dict) else None
    for name, signal in signals.items() if isinstance(signals, dict) else ():
        known = [*detectors, *SignalDocument.model_fields]
        for key in signal if isinstance(signal, dict) else ():
            if key not in known:
                message = f"unknown key {quote(key)}{suggest(key, known)}"
                if key in PLANNED:
                    message = f"detector '{key}' comes with a later version"
                problems.unknown(document, ("signals", name, key), message)


@dataclass(slots=True)
class PolicyCompiler:
    """Compiles policies; mistakes go to `problems`, parsed options to `canonical` by their path."""

    scene: Scene
    problems: Problems
    canonical: dict[Path, Any]

    def compile(self, document: Document, model: PolicyDocument) -> Policy:
        """The policy, complete if no problem was found."""
        match = None if model.match is None else self._match(document, model.match)
        self._carry(document, model)
        calls = population(model.key, match)
        signals = (
            self._signal(document, ("signals", name), signal, calls) for name, signal in model.signals.items()
        )
        if model.key == _CAMPAIGN:
            self._check_campaign(document, model)
        return Policy(
            id=model.id,
            version=model.version,
            mode=Mode[model.mode.upper()],
            rollout=model.rollout.value(),
            key=model.key,
            match=match,
            combine=model.combine,
            cap=model.cap,
            half_life=model.half_life,
            carry=model.carry,
            signals=tuple(signal for signal in signals if signal is not None),
        )

    def survey(self, document: Document) -> None:
        """Names what is wrong inside a policy that could not be read as a whole, so that a slip in one key
        does not hide those in the others."""
        value: dict[str, Any] = document.value  # type: ignore[assignment]  # what is no mapping has no kind
        if isinstance(value.get("match"), dict):
            self._match(document, value["match"])
        signals = value.get("signals")
        for name, raw in signals.items() if isinstance(signals, dict) else ():
            if isinstance(raw, dict):
                self._survey_signal(document, ("signals", name), raw)

    def _survey_signal(self, document: Document, path: Path, raw: Mapping[str, Any]) -> None:
        try:
            model = SignalDocument.model_validate(raw)
        except ValidationError:  # told already
            extra = {key: part for key, part in raw.items() if key not in SignalDocument.model_fields}
            name = self._which(document, path, extra)
            if name is not None:
                self._detector(document, (*path, name), extra[name], "")
        else:
            self._signal(document, path, model, "")

    def _survey_where(self, document: Document, path: Path, raw: object) -> None:
        """The condition in options that could not be read as a whole."""
        where = raw.get("where") if isinstance(raw, dict) else None
        if isinstance(where, dict) and where:
            try:
                compile_condition(where, self.scene.patterns)
            except ConditionError as error:
                self._blame(document, (*path, "where"), error)

    def _check_campaign(self, document: Document, model: PolicyDocument) -> None:
        """A campaign has no counters but those of its own detector."""
        found = [(name, key) for name, signal in model.signals.items() for key in signal.extra]
        for name, key in found:
            if key in self.scene.detectors and key not in _OF_A_CALL | {_CAMPAIGN}:
                message = f"a policy with 'key: campaign' counts with 'campaign: {{measure: …}}', not '{key}'"
                self.problems.add(document, ("signals", name, key), message)
        if all(key != _CAMPAIGN for _, key in found):
            message = "'key: campaign' needs a signal with the detector 'campaign'"
            self.problems.add(document, ("key",), message)

    def _match(self, document: Document, spec: object) -> Condition | None:
        try:
            match = compile_condition(spec, self.scene.patterns)
        except ConditionError as error:
            self._blame(document, ("match",), error)
            return None
        if match.late:
            message = "reads the answer, but a policy's match is asked before it"
            self.problems.add(document, ("match",), message)
        return match

    def _carry(self, document: Document, model: PolicyDocument) -> None:
        """Peaks are a policy's, so what its shadow signals found could not be told apart."""
        for name in [name for name, signal in model.signals.items() if signal.mode == "shadow"]:
            if model.carry:
                message = "with 'carry: true' of the policy, what this found in shadow would act"
                self.problems.add(document, ("signals", name, "mode"), message, at_key=False)

    def _blame(self, document: Document, prefix: Path, error: ConditionError) -> None:
        if not (isinstance(error, UnknownSetError) and self.scene.lost):
            self.problems.condition(document, prefix, error)

    def _signal(
        self, document: Document, path: Path, model: SignalDocument, population: str
    ) -> Signal | None:
        name = self._which(document, path, model.extra)
        if model.floor is not None:
            self._floor(document, (*path, "floor"), model.floor)
        if model.why is not None:
            self._check_why(document, (*path, "why"), model.why)
        if name is None:
            return None
        if name == _YES_NO and model.ramp:
            self.problems.unknown(document, (*path, "ramp"), f"'{_YES_NO}' is yes or no and takes no ramp")
        if name != _YES_NO and not model.ramp:
            self.problems.add(document, path, "missing key 'ramp': [harmless, certain]")
        raw = model.extra[name]
        detector = self._detector(document, (*path, name), raw, population)
        if detector is None:
            return None
        over = str(raw.get("over", "")) if isinstance(raw, Mapping) else ""
        return Signal(
            id=str(path[-1]),
            detector=detector,
            ramp=model.ramp,
            points=model.points,
            mode=Mode[model.mode.upper()],
            floor=model.floor,
            why=model.why or _default_why(model.ramp, over),
            over=over,
            definition=fingerprint(name, self.canonical[(*path, name)], population),
        )

    def _which(self, document: Document, path: Path, extra: Mapping[str, Any]) -> str | None:
        """The name of the one detector, None (and a problem) unless there is exactly one."""
        known: Collection[str] = self.scene.detectors
        found = [key for key in extra if key in known]
        if len(found) == 1:
            return found[0]
        if found or not extra:
            given = f" (found: {', '.join(found)})" if found else ""
            self.problems.add(document, path, f"give exactly one of {', '.join(known)}{given}")
        return None

    def _floor(self, document: Document, path: Path, floor: str) -> None:
        if self.scene.rungs is None:
            return
        rung = self.scene.rungs.get(floor)
        if rung is None:
            near = suggest(floor, self.scene.rungs)
            self.problems.add(document, path, f"no rung {quote(floor)}{near}", at_key=False)
        elif rung.requires.policies >= CORROBORATED:
            message = f"one signal may not lift to '{floor}', which needs {rung.requires.policies} policies"
            self.problems.add(document, path, message, at_key=False)

    def _check_why(self, document: Document, path: Path, why: str) -> None:
        try:
            _check_words(why)
        except ValueError as error:
            self.problems.add(document, path, str(error), at_key=False)

    def _detector(self, document: Document, path: Path, raw: object, population: str) -> Detector | None:
        kind = self.scene.detectors[str(path[-1])]
        try:
            options = kind.options_type.model_validate(raw)
            # Each detector class is built from its own options_type; the base declares no constructor.
            detector: Detector = kind(options, _Context(population, self.scene, raw, path))  # type: ignore[call-arg]
        except ValidationError as error:
            self.problems.explain(document, error, kind.options_type, path)
            self._survey_where(document, path, raw)
            return None
        except ConditionError as error:
            self._blame(document, (), error)
            return None
        except ValueError as error:
            self.problems.add(document, path, str(error))
            return None
        if isinstance(detector, Drift) and detector.reference is None:
            known = [name for name, pack in self.scene.packs.items() if isinstance(pack, Reference)]
            near = suggest(detector.wanted, known)
            message = (
                f"no reference {quote(detector.wanted)}{near}: it gives no verdict (gateway corpus reference)"
            )
            self.problems.warn(document, path, message)
        self.canonical[path] = options.model_dump(mode="json")
        return detector


def _default_why(ramp: tuple[float, float] | None, over: str) -> str:
    """The words for a signal whose author gave none."""
    if ramp is None:
        return "the condition holds ({value:.2g} of 1)"
    return "{value:.4g}" + (" in {over}" if over else "") + " (harmless {lo:g}, certain {hi:g})"


def _check_words(why: str) -> None:
    """Raises ValueError unless `why.format` can only show the five words, and at harmless widths."""
    try:
        parts = list(Formatter().parse(why))
    except ValueError as error:
        raise ValueError(f"not a format: {error}") from None
    for _, word, form, conversion in parts:
        if word is None:
            continue
        if word not in _WORDS:
            raise ValueError(
                f"unknown word {quote(word)}: use {', '.join(f'{{{known}}}' for known in _WORDS)}"
            )
        if conversion or not _FORMAT.fullmatch(form or ""):
            raise ValueError(f"write a format such as {{{word}:.0%}} or {{{word}:,.0f}}")
    why.format(value=0.5, n=1, over="1h", lo=0.0, hi=1.0)

"""Making calls and driving one detector as the engine does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from gateway.conditions import Condition, compile_condition
from gateway.corpora import Corpus, Kind
from gateway.fields import Facts
from gateway.model import Call, Client, Measure, Outcome, Parameters, Principal, Route, Turn, Usage
from gateway.patterns import PatternSet
from gateway.references import Reference
from gateway.signals import DETECTORS
from gateway.signals.base import Detector, Step
from gateway.stores.memory import MemoryStore

CHAT = Route("openai_chat", "chat", "/v1/chat/completions")


@dataclass
class Compiling:
    """The context that `compile` gives to a detector."""

    population: str = "principal"
    sets: Mapping[str, PatternSet] = field(default_factory=dict)
    corpora: Mapping[str, Corpus] = field(default_factory=dict)
    references: Mapping[str, Reference] = field(default_factory=dict)

    def condition(self, spec: Any) -> Condition:
        return compile_condition(spec, self.sets)

    def patterns(self, name: str) -> PatternSet:
        return self.sets[name.removeprefix("@")]

    def corpus(self, name: str, of: Kind = "sentences") -> Corpus:
        assert self.corpora[name].origin.of == of
        return self.corpora[name]

    def reference(self, name: str) -> Reference | None:
        return self.references.get(name)


def call(text: str = "", **parameters: Any) -> Call:
    """A chat call with one user turn."""
    turns = (Turn("user", text),) if text else ()
    return Call(CHAT, model="m", turns=turns, parameters=Parameters(**parameters), messages=1)


def detector(
    name: str, options: Any, population: str = "principal", *named: PatternSet | Corpus | Reference
) -> Detector:
    """A compiled detector from options as they stand in YAML; `named` are all sets and collections."""
    kind: Callable[..., Detector] = DETECTORS[name]
    sets = {one.id: one for one in named if isinstance(one, PatternSet)}
    corpora = {one.origin.name: one for one in named if isinstance(one, Corpus)}
    references = {one.origin.name: one for one in named if isinstance(one, Reference)}
    context = Compiling(population, sets, corpora, references)
    return kind(DETECTORS[name].options_type.model_validate(options), context)


@dataclass
class Bench:
    """One detector over one store, with the five steps in the engine's order."""

    detector: Detector
    store: MemoryStore = field(default_factory=lambda: MemoryStore(10))
    now: float = 0.0

    def send(
        self,
        made: Call | None = None,
        usage: Usage | None = None,
        client: Client | None = None,
        settle: bool = True,
        answer: str = "",
    ) -> Measure | None:
        """One call; returns what the detector read at arrival, or at the end if it is late."""
        made = made or call()
        facts = Facts(made, Principal("p"), client or Client(), self.now, fresh=made.turns)
        (readings,) = self.store.apply([("p", self.detector.reads)], self.now)
        seen = None if self.detector.late else self.detector.read(facts, readings)
        self._total("enter", facts)
        if "enter" in self.detector.counts_at:
            self.store.apply([("p", self.detector.enter(facts))], self.now)
        self._total("study", facts)
        if "study" in self.detector.counts_at:
            self.store.apply([("p", self.detector.study(facts, readings))], self.now)
        if settle:
            facts.outcome = Outcome(200, usage, text=answer)
            if self.detector.late:
                seen = self.detector.read(facts, readings)
            self._total("settle", facts)
            if "settle" in self.detector.counts_at:
                self.store.apply([("p", self.detector.settle(facts))], self.now)
        return seen

    def _total(self, step: Step, facts: Facts) -> None:
        """What the engine adds up, each sum by itself."""
        for gauge in self.detector.gauges:
            if gauge.step == step:
                amount = gauge.amount(facts)
                amounts = () if amount is None else (1.0,) * gauge.calls + (amount,)
                self.store.apply([("p", [replace(gauge.sum, amounts=amounts)])], self.now)


def bench(name: str, options: Mapping[str, Any] | str, *sets: PatternSet) -> Bench:
    """A fresh bench for one detector."""
    return Bench(detector(name, options, "principal", *sets))

"""Signals of origin: prompts that stand in a public collection of instructions or benchmark problems.

What belongs here is counting how many of a principal's prompts do; what a collection is, and what counts as
the same sentence, is the business of `gateway.corpora`. Who writes prompts of his own is in none: of real
conversations less than one prompt in a thousand is.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Literal

from pydantic import ConfigDict, Field

from gateway.corpora import fingerprints
from gateway.fields import Facts
from gateway.model import Measure, Op, Reading, Recent, Sum
from gateway.signals.base import Context, Detector, Options, fingerprint
from gateway.units import Window

KEPT = 96
"""Sentences of collections remembered: more than eight worked examples of four sentences have."""


class CorpusOptions(Options):
    """Which collections, what is measured, over which window, and from how many prompts on."""

    model_config = ConfigDict(serialize_by_alias=True)

    packs: list[str] = Field(alias="in", min_length=1)
    """The packs, by the names that they bear: `gsm8k-train`."""
    metric: Literal["share", "found"] = "share"
    """The share of prompts found, or how many were."""
    over: Window
    """The window: 24h, 7d."""
    min: int = Field(ge=1)
    """No verdict below so many prompts."""


class Corpus(Detector):
    """Description: how many of the prompts in a window stand in public collections, as a share or a number.

    The collections are packs (`gateway corpus build`) beside the policies. A prompt is found by any of its
    sentences, whatever stands around it, with other numbers too, but not in other words. One whose found
    sentences all came before does not count at all: worked examples at the head of every prompt are not what
    is asked for, nor is a retry. Counted after the request was forwarded, so from the next call on. No
    verdict below `min` prompts.

    Options: `in`, `metric`, `over`, `min`.
    Example: `corpus: {in: [gsm8k-train], over: 24h, min: 20}`
    """

    name = "corpus"
    options_type = CorpusOptions
    fields = frozenset({"prompt.user"})

    def __init__(self, options: CorpusOptions, context: Context) -> None:
        self._packs = tuple(map(context.corpus, dict.fromkeys(options.packs)))
        self._share = options.metric == "share"
        self._over, self._min = options.over, options.min
        held = sorted(pack.hash for pack in self._packs)
        self._sums = fingerprint("corpus", held, options.over, context.population)
        self._latest = fingerprint("found", held, context.population)
        self.reads = (Sum(self._sums, self._over, (0.0, 0.0)), Recent(self._latest, KEPT, 8, unique=True))

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """Of the prompts in the window up to the call before this one."""
        n, found = readings[0].values[:2]
        return Measure(found / n if self._share else found, int(n)) if n >= self._min else None

    def study(self, facts: Facts, readings: Sequence[Reading]) -> Sequence[Op]:
        """This prompt, and the sentences by which it was found."""
        text = facts.text("user")
        if not text:
            return ()
        own = facts.memo.get("sentences")
        if own is None:
            own = facts.memo["sentences"] = fingerprints(text)
        found = array("Q", dict.fromkeys(one for pack in self._packs for one in pack.found(own)))
        if not found:
            return (Sum(self._sums, self._over, (1.0, 0.0)),)
        known = array("Q", readings[1].data)
        memory = Recent(self._latest, KEPT, 8, unique=True, data=found.tobytes())
        # What is repeated moves to the end, so that it stays known however much else comes.
        return (memory,) if set(found) <= set(known) else (Sum(self._sums, self._over, (1.0, 1.0)), memory)

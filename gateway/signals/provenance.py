"""Signals of provenance: how much of what a principal sends was answered to it before, by this gateway.

What belongs here is what of an answer is remembered and how it is known again. An answer comes back as a
prompt when one model is to teach another: chained rewriting, self-chat with the roles exchanged, answers to
be marked or improved, seeds drawn from earlier output. Editors, applications of many steps and evaluators of
their own product do the same honestly, so it is no evidence by itself. What comes back as declared history
(the role `assistant`) is no new text (`gateway.turns`) and is not looked at.

A sentence is known by its letters (`gateway.corpora.fingerprints`), so that quoting, layout and case make no
difference; who rewords an answer is not seen. What the request said itself is not remembered of its answer,
or a template that models echo would come back in every prompt.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from pydantic import Field

from gateway.corpora import fingerprints
from gateway.fields import Facts
from gateway.model import Measure, Op, Reading, Recent, Sum
from gateway.signals.base import Context, Detector, Options, fingerprint
from gateway.units import Window

KEPT = 192
"""Sentences remembered for each principal, four bytes each: 768 bytes."""
EACH = 6
"""Of one answer at most, so that those of the last 32 answers are known. The ones with the smallest hashes: a
part of an answer that comes back is then as likely to be known wherever it was cut."""
HALF = 2048
"""Characters looked at of either end of a prompt, and of the kept part of an answer: all of it."""
_MASK = 0xFFFFFFFF


def sentences(text: str) -> frozenset[int]:
    """The sentences of a text as 32-bit hashes; a strange one is taken for a known one in 20 million."""
    return frozenset(one & _MASK for one in fingerprints(text, HALF))


def _sent(facts: Facts) -> frozenset[int]:
    """Those of the new user text; several steps and signals ask."""
    found: frozenset[int] | None = facts.memo.get("provenance")
    if found is None:
        found = facts.memo["provenance"] = sentences(facts.text("user"))
    return found


class ProvenanceOptions(Options):
    """Over which window, and from how many prompts on."""

    over: Window
    """The window: 24h, 7d."""
    min: int = Field(ge=1)
    """No verdict below so many prompts."""


class Provenance(Detector):
    """Description: the share of prompts that bring back a sentence of an earlier answer as new user text.

    Of the last 32 answers or more six sentences each are remembered as hashes, 768 bytes for each principal;
    of an answer the first 4,096 characters are read, of one that broke off what was sent. Declared history
    (role `assistant`) and what the answered request said itself do not count. Reworded answers are not seen.
    Counted after the request was forwarded, so from the next call on. Blind in replay where no answers are
    recorded. No evidence by itself: ask for it beside others (`combine: all`).

    Options: `over`, `min`.
    Example: `provenance: {over: 24h, min: 40}`
    """

    name = "provenance"
    options_type = ProvenanceOptions
    fields = frozenset({"prompt.user", "response.text"})
    counts_at = frozenset({"study", "settle"})

    def __init__(self, options: ProvenanceOptions, context: Context) -> None:
        self._over, self._min = options.over, options.min
        self._sums = fingerprint("returned", options.over, context.population)
        self._answers = fingerprint("answered", context.population)
        self.reads = (Sum(self._sums, self._over, (0.0, 0.0)), Recent(self._answers, KEPT, 4))

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The share in the window, up to the call before this one."""
        n, returned = readings[0].values[:2]
        return Measure(returned / n, int(n)) if n >= self._min else None

    def study(self, facts: Facts, readings: Sequence[Reading]) -> Sequence[Op]:
        """Whether this prompt brings anything back."""
        if not facts.text("user"):
            return ()
        known = array("I")
        known.frombytes(readings[1].data)
        returned = not _sent(facts).isdisjoint(known)
        return (Sum(self._sums, self._over, (1.0, float(returned))),)

    def settle(self, facts: Facts) -> Sequence[Op]:
        """What there is to remember of the answer."""
        text = facts.outcome.text if facts.outcome else ""
        new = sorted(sentences(text) - _sent(facts)) if text else ()
        if not new:
            return ()
        return (Recent(self._answers, KEPT, 4, data=array("I", new[:EACH]).tobytes()),)

"""Signals of strangeness: how unlike the operator's own honest customers the last requests are.

What belongs here is when a principal is compared; the reference and its statistic are `gateway.references`,
the vectors `gateway.signals.layout`. Strange is not hostile: a new kind of customer is strange, too.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from gateway.fields import Facts
from gateway.model import Measure, Op, Reading, Register
from gateway.observations import Blocks
from gateway.references import EVERY, LEAST
from gateway.signals.base import Context, Detector, Options, fingerprint
from gateway.signals.layout import vector


class DriftOptions(Options):
    """Compared with which reference, and against whose distances."""

    reference: str
    """The name of a reference: `gateway corpus reference` makes one of your own honest traffic."""
    against: Literal["strangers", "customers"] = "strangers"
    """Whose distances make the p-value: what customers of the reference would have had if they were new to
    it, or had with their own earlier traffic in it (then new customers are often found strange)."""
    min: int = Field(default=LEAST, ge=LEAST)
    """No verdict below so many requests."""


class Drift(Detector):
    """Description: a p-value, the share of your honest customers that ever were as strange: less is stranger.

    Compares the last 100 to 200 requests (by their layout, amounts and parameters, not by their words or
    language) with the nearest customer in a reference that was made of your own honest traffic; measured
    anew with every tenth request, after it was forwarded. No verdict without the reference, of which
    `gateway check` warns, nor below `min` requests (20 or more). A falling ramp. No evidence by itself.

    Options: `reference`, `against` (strangers, customers), `min`.
    Example: `drift: {reference: own-week, against: customers}`
    """

    name = "drift"
    options_type = DriftOptions
    fields = frozenset(
        {
            "prompt.user",
            "prompt.system",
            "request.replied",
            "request.tools",
            "request.logprobs",
            "request.n",
            "request.max_tokens",
            "request.temperature",
            "request.messages",
        }
    )
    counts_at = frozenset({"study"})

    def __init__(self, options: DriftOptions, context: Context) -> None:
        self.wanted, self.reference = options.reference, context.reference(options.reference)
        """None: there is no such reference, and never a verdict."""
        if self.reference is None:
            return
        self._min, self._strangers = options.min, options.against == "strangers"
        about = (self.reference.hash, context.population)
        self._sums = fingerprint("drift", *about)
        self._p = fingerprint("strange", options.min, options.against, *about)
        self._keep = self.reference.window // 2
        self.reads = (Register(self._p), Blocks(self._sums, self._keep, self.reference.width + 1))

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The p-value as it was measured last."""
        found = readings[0].values if readings else ()
        return Measure(found[0], int(found[1])) if found else None

    def study(self, facts: Facts, readings: Sequence[Reading]) -> Sequence[Op]:
        """This request's vector, and with every tenth the p-value of those before it."""
        reference = self.reference
        if reference is None:
            return ()
        own = reference.scaled(vector(facts))
        numbers = (*own, sum(value * value for value in own))
        counted = Blocks(self._sums, self._keep, len(numbers), numbers)
        n, *sums = array("f", readings[1].data) if readings[1].data else (0.0,)
        if n < self._min or n % EVERY:
            return (counted,)
        *mean, square = (value / n for value in sums)
        p = reference.p(reference.distance(mean, square, n), strangers=self._strangers)
        return (counted, Register(self._p, (p, n)))

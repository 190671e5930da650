"""Signals of what was given away in all: the meter of how much of the model somebody has by now.

What belongs here is what counts as an answer that trains a student. Published students took some thousand
answers where they learn one skill, 50,000 where they learn to follow instructions, and a million where they
learn to reason in general; who collects slowly passes every rate limit and still gets there. Honest programs
get there as well, so a budget says how much is at stake, and other signals whether it is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from gateway.fields import Facts
from gateway.model import Measure, Op, Reading
from gateway.observations import Fresh
from gateway.signals.base import Context, Detector, Options, fingerprint
from gateway.signals.repeats import answered
from gateway.units import Duration

_COLUMNS = ("answers", "output_tokens")


class BudgetOptions(Options):
    """What is added up, and how slowly it is forgotten."""

    of: Literal["answers", "output_tokens"]
    """What is added up."""
    half_life: Duration = Field(default=28 * 86400.0, gt=0)
    """The time in which it fades to a half: 28d."""


class Budget(Detector):
    """Description: how much was delivered for inputs not sent before, since ever, fading over weeks.

    Answers (`n` of a request count each) or their tokens. Counted when the answer has ended: a stream that
    broke off counts what was delivered of it, an error and an answer without tokens count nothing. The sum is
    exact; of it is taken off the share of inputs that came again (exact to 64 different ones, then about
    ±0.06), so that a suite that is run every night is one suite.

    Options: `of` (answers, output_tokens), `half_life`.
    Example: `budget: {of: answers, half_life: 28d}`
    """

    name = "budget"
    options_type = BudgetOptions
    fields = frozenset(
        {"prompt.text", "request.n", "request.prompts", "response.status", "usage.output_tokens"}
    )

    def __init__(self, options: BudgetOptions, context: Context) -> None:
        self._column = 1 + _COLUMNS.index(options.of)
        self._half_life = options.half_life
        self._key = fingerprint("budget", options.half_life, context.population)
        self.reads = (Fresh(self._key, self._half_life),)

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """What was delivered up to the call before this one; no verdict before the first answer."""
        values = readings[0].values
        if not values:
            return None
        return Measure(values[0] * values[self._column], round(values[1]))

    def settle(self, facts: Facts) -> Sequence[Op]:
        """This call's answers and tokens, if there were any."""
        usage = facts.outcome.usage if facts.outcome else None
        found = answered(facts) if usage and usage.output_tokens else ()
        if not found:
            return ()
        assert usage is not None
        answers = len(found) * max(1, facts.call.parameters.n)
        return (Fresh(self._key, self._half_life, (float(answers), float(usage.output_tokens)), found),)

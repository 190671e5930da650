"""Signals of kind: what sort of program or person a principal is, as far as its profile tells.

What belongs here are the rules, which read the numbers of `gateway.signals.profile` in one order and stop at
the first that holds; so they need no state of their own. A kind is no evidence. It is there so that a policy
can leave a kind out, or hold a number against those of the same kind. Whoever wants to can look like any of
them, so nothing harsh should hang on it. Relays are not told here: what gives them away is fan-in.

The detector tells the kind of the calls that reach its policy. Conditions ask for it before that is known, so
theirs (the field `profile.kind`) is of all calls that ask a model for text.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from gateway.conditions import compile_condition
from gateway.fields import Facts, Workload
from gateway.model import Measure, Reading
from gateway.signals.base import Context, Options, population
from gateway.signals.profile import METRICS, Observed

FIELD = "profile.kind"
LEAST = 30
"""Prompts from which on the field is told."""
ASKING = compile_condition({"request.endpoint": ["chat", "completions", "messages", "responses"]}, {})
"""The calls that the field is told from: those that most policies match, whose profile it shares."""
OF_ALL = Observed(population("principal", ASKING))
"""Counts them."""


def kind(values: Sequence[float], least: float = 1.0) -> Workload:
    """The kind that a reading of a profile shows; the rules stand in the detector's description.

    `values` are empty before the first prompt; below `least` prompts the kind is unknown.
    """
    if not values or values[0] < least:
        return "unknown"
    if METRICS["tools"](values) >= 0.5:
        return "agent"
    if METRICS["replied"](values) >= 0.25:
        return "person"
    if METRICS["replied"](values) >= 0.1:
        return "unknown"
    if METRICS["repeats"](values) >= 0.5:
        return "evaluation"
    if METRICS["framed"](values) >= 0.5 or METRICS["system"](values) >= 200:
        long = METRICS["words"](values) >= 150 and METRICS["skeleton"](values) < 0.5
        return "retrieval" if long else "batch"
    return "unknown"


class KindOptions(Options):
    """Which kinds are asked for, and from how many prompts on one is told."""

    of: list[Workload] = Field(min_length=1)
    """The kinds."""
    min: int = Field(ge=10)
    """Unknown below so many prompts."""


class KindOf(Observed):
    """Description: 1 where the principal is of one of these kinds, 0 where it is not.

    Told from its profile, by the first rule that holds. `agent`: half of its calls offer tools. `person`: a
    quarter replay earlier answers (above a tenth: `unknown`). `evaluation`: half of its prompts came before.
    `retrieval`: a frame or a system prompt of 200 characters, around prompts of 150 words of which less than
    half recurs. `batch`: any other frame or system prompt. `unknown`: none of these, or fewer than `min`
    prompts. No evidence by itself: ask for it beside others (`combine: all`).

    Options: `of` (agent, person, evaluation, retrieval, batch, unknown), `min`.
    Example: `kind: {of: [batch, unknown], min: 30}`
    """

    name = "kind"
    options_type = KindOptions

    def __init__(self, options: KindOptions, context: Context) -> None:
        super().__init__(context.population)
        self._of, self._min = frozenset(options.of), options.min

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure:
        """Whether it is one of the kinds, up to the call before this one."""
        values = readings[0].values
        n = int(values[0]) if values else 0
        found = kind(values, self._min)
        return Measure(float(found in self._of), n, note=f"kind: {found}")

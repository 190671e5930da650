"""Signals of kind: what sort of program or person a principal is, as far as its profile tells.

What belongs here are the rules, which read the numbers of `gateway.signals.profile` in one order and stop at
the first that holds; so they need no state of their own. A kind is no evidence. It is there so that a policy
can leave a kind out, or hold a number against those of the same kind. Whoever wants to can look like any of
them, so nothing harsh should hang on it. Relays are not told here: what gives them away is fan-in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from gateway.fields import Facts
from gateway.model import Measure, Op, Reading
from gateway.observations import Observe
from gateway.signals.base import Context, Detector, Options, fingerprint
from gateway.signals.profile import HALF_LIFE, METRICS, observed

Kind = Literal["agent", "person", "evaluation", "retrieval", "batch", "unknown"]


def kind(values: Sequence[float]) -> Kind:
    """The kind that a reading of a profile shows; the rules stand in the detector's description."""
    is_ = {name: metric(values) for name, metric in METRICS.items()}
    if is_["tools"] >= 0.5:
        return "agent"
    if is_["replied"] >= 0.25:
        return "person"
    if is_["replied"] >= 0.1:
        return "unknown"
    if is_["repeats"] >= 0.5:
        return "evaluation"
    if is_["framed"] >= 0.5 or is_["system"] >= 200:
        return "retrieval" if is_["words"] >= 150 and is_["skeleton"] < 0.5 else "batch"
    return "unknown"


class KindOptions(Options):
    """Which kinds are asked for, and from how many prompts on one is told."""

    of: list[Kind] = Field(min_length=1)
    """The kinds."""
    min: int = Field(ge=10)
    """Unknown below so many prompts."""


class KindOf(Detector):
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
    fields = frozenset({"prompt.user", "prompt.system", "prompt.tool", "request.replied", "request.tools"})

    def __init__(self, options: KindOptions, context: Context) -> None:
        self._of, self._min = frozenset(options.of), options.min
        self._key = fingerprint("profile", context.population)
        self.studies = self._key
        self.reads = (Observe(self._key, HALF_LIFE),)

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure:
        """Whether it is one of the kinds, up to the call before this one."""
        values = readings[0].values
        n = int(values[0]) if values else 0
        found: Kind = kind(values) if n >= self._min else "unknown"
        return Measure(float(found in self._of), n, note=f"kind: {found}")

    def study(self, facts: Facts, readings: Sequence[Reading]) -> Sequence[Op]:
        """This prompt, once for all signals of the same calls."""
        return observed(facts, self._key)

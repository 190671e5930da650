"""Signals of variety: how many different kinds of tasks a principal asks for.

What belongs here is the comparison of prompts by which patterns of a set match them; the patterns are the
policies' business. A program asks for the same each time, however much its slots differ; a person asks for
this and that, but converses; who collects data to train on asks for everything, once.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from gateway.conditions import found
from gateway.fields import Facts
from gateway.model import Measure, Op, Reading, Sum
from gateway.signals.base import Among, Context, Detector, Options, fingerprint
from gateway.units import Duration

_SLICES = 4
"""The window is forgotten by quarters: finer ones would cost three times the state."""


class VarietyOptions(Options):
    """The kinds, over which window, and from how many prompts on."""

    of: str
    """The kinds: `@` and the id of a pattern set, in which each pattern is one."""
    over: Duration
    """The window: 7d."""
    among: Among = "calls"
    """Of all calls, or only of openings, which replay no answer."""
    min: int = Field(ge=1)
    """No verdict below so many prompts."""


class Variety(Detector):
    """Description: in how many kinds two prompts of a window differ on average; 0 where all ask for the same.

    A kind is a pattern of the set that matches the edges of a prompt (`prompt.edges`). One that is in all
    prompts, as in a template, adds nothing; one in half of them adds a half. Counted after the request was
    forwarded, so from the next call on. No verdict below `min` prompts.

    Options: `of`, `over`, `among` (calls, openings), `min`.
    Example: `variety: {of: '@task-kinds', over: 7d, min: 30}`
    """

    name = "variety"
    options_type = VarietyOptions
    fields = frozenset({"prompt.edges"})

    def __init__(self, options: VarietyOptions, context: Context) -> None:
        self._patterns = context.patterns(options.of)
        self._over, self._min = options.over, options.min
        kinds = list(self._patterns.patterns)
        self._columns = {kind: column for column, kind in enumerate(kinds, 1)}
        self._openings = options.among == "openings"
        which = ["openings"] * self._openings
        self._key = fingerprint("variety", options.of, kinds, options.over, context.population, *which)
        self.reads = (self._sum((0.0,) * (1 + len(kinds))),)

    def _sum(self, amounts: tuple[float, ...]) -> Sum:
        return Sum(self._key, self._over, amounts, _SLICES)

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The expected number of kinds that are in one of two prompts and not in the other."""
        n, *counts = readings[0].values[:-1]
        if n < self._min:
            return None
        return Measure(sum(2 * count * (n - count) for count in counts) / (n * n), int(n))

    def study(self, facts: Facts, readings: Sequence[Reading]) -> Sequence[Op]:
        """This prompt, and the kinds it is of; nothing where no new user text came."""
        if not facts.text("user") or (self._openings and facts.replied()):
            return ()
        ops: Sequence[Op] | None = facts.memo.get(self._key)
        if ops is None:
            amounts = [0.0] * (1 + len(self._columns))
            amounts[0] = 1.0
            for kind in found(facts, Facts.edges, self._patterns):
                amounts[self._columns[kind]] = 1.0
            ops = facts.memo[self._key] = (self._sum(tuple(amounts)),)
        return ops

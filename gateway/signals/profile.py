"""Signals of what kind of work a principal sends: its profile over hundreds of prompts, one number at a time.

What belongs here is how one prompt becomes hashes and sums, and what the means over many are called; the
state behind it is one bounded summary (`gateway.stores.profile`), which all signals of the same calls
share. None of these numbers means anything alone: each tells attackers from people and turns around
against honest programs. Policies ask for several at once (`combine: all`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal
from zlib import crc32

from msgspec.structs import replace
from pydantic import Field

from gateway.fields import Facts
from gateway.model import Measure, Op, Reading
from gateway.observations import Observe
from gateway.signals.base import Among, Context, Detector, Options, fingerprint
from gateway.signals.shingles import sample, tokens

HALF_LIFE = 604_800.0
"""Seconds: a week. What is slow shows after weeks, and what somebody did months ago does not count."""


_REPLIED, _WORDS, _SIZE, _SQUARE, _HURRIED, _SYSTEM, _TOOLS = range(7, 14)
"""Where the sums of the numbers stand in a reading, behind those of the tables."""


def _numbers(facts: Facts, words: float, text: str) -> tuple[float, ...]:
    """What is added up for one prompt, in the order of the names above."""
    size = math.log1p(words)
    return (
        float(facts.replied()),
        words,
        size,
        size * size,
        float(text.lstrip()[:1].islower()),
        float(len(facts.text("system"))),
        float(facts.call.parameters.tools > 0),
    )


def observe(facts: Facts, key: str) -> Observe:
    """What this call adds to the profile under `key`."""
    text, edges = facts.text("user"), facts.edges()
    words = tokens(edges)
    many = len(words) * len(text) / len(edges) if edges else 0.0
    whole = f"{text}\0{facts.text('tool')}".encode("utf-8", "replace")
    return Observe(key, HALF_LIFE, _numbers(facts, many, text), sample(words), crc32(whole))


def observed(facts: Facts, key: str) -> Sequence[Op]:
    """The same as what is to be counted; worked out once for all signals that share it."""
    ops: Sequence[Op] | None = facts.memo.get(key)
    if ops is None:
        # Another profile of the same call holds the same numbers; to work them out is most of the cost.
        known: Observe | None = facts.memo.get("observed")
        if known is None:
            known = facts.memo["observed"] = observe(facts, key)
        ops = facts.memo[key] = (known if known.key == key else replace(known, key=key),)
    return ops


def _mean(at: int, of: int = 0) -> Callable[[Sequence[float]], float]:
    """A mean over all prompts, or over those with words."""
    return lambda values: values[at] / max(1.0, values[of])


def _spread(values: Sequence[float]) -> float:
    mean = values[_SIZE] / values[0]
    return math.sqrt(max(0.0, values[_SQUARE] / values[0] - mean * mean))


def _repeats(values: Sequence[float]) -> float:
    known, different = values[5:7]
    return 1.0 - different / known if known else 0.0


def _frame(values: Sequence[float]) -> float:
    return _mean(3, 1)(values) * _mean(_WORDS)(values)


METRICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "replied": _mean(_REPLIED),
    "words": _mean(_WORDS),
    "spread": _spread,
    "hurried": _mean(_HURRIED),
    "system": _mean(_SYSTEM),
    "tools": _mean(_TOOLS),
    "framed": _mean(2, 1),
    "skeleton": _mean(3, 1),
    "frame": _frame,
    "similarity": _mean(4, 1),
    "repeats": _repeats,
}


class ProfileOptions(Options):
    """Which number of which profile, and from how many prompts on."""

    metric: Literal[
        "replied",
        "words",
        "spread",
        "hurried",
        "system",
        "tools",
        "framed",
        "skeleton",
        "frame",
        "similarity",
        "repeats",
    ]
    """Which number, see above."""
    among: Among = "calls"
    """Of all calls, or only of openings, which replay no answer."""
    min: int = Field(ge=1)
    """No verdict below so many prompts."""


class Observed(Detector):
    """Counts the profile of one population's calls, or of those among them that are openings; its subclasses
    make a number of it."""

    fields = frozenset({"prompt.user", "prompt.system", "prompt.tool", "request.replied", "request.tools"})

    def __init__(self, population: str, among: Among = "calls") -> None:
        self._openings = among == "openings"
        self._key = fingerprint("profile", population, *["openings"] * self._openings)
        self.reads = (Observe(self._key, HALF_LIFE),)

    def study(self, facts: Facts, readings: Sequence[Reading]) -> Sequence[Op]:
        """This prompt, once for all signals of the same calls."""
        return () if self._openings and facts.replied() else observed(facts, self._key)


class Profile(Observed):
    """Description: one number of a principal's profile, which fades by half every week.

    `replied`: share of calls that replay earlier answers, as conversations do. `words`: mean words of a
    prompt. `spread`: how unequal their lengths are (standard deviation of the logarithm; 0.3 is a data set,
    above 1.2 are people). `hurried`: share that begins with a lower-case letter. `system`: mean characters
    of the system prompt. `tools`: share of calls that offer tools. `framed`: share of prompts that begin or
    end with three words that recur in a tenth of all. `skeleton`: mean share of a prompt that recurs so.
    `frame`: the same in words, which is how long a template is. `similarity`: mean similarity to the prompt
    before. `repeats`: share of prompts that came before. Counted after the request was forwarded, so from
    the next call on. No verdict below `min` prompts. `among: openings` is another profile, of calls that
    replay no answer: conversations between those of a harvest do not dilute it.

    Options: `metric`, `among` (calls, openings), `min`.
    Example: `profile: {metric: skeleton, min: 50}`
    """

    name = "profile"
    options_type = ProfileOptions

    def __init__(self, options: ProfileOptions, context: Context) -> None:
        super().__init__(context.population, options.among)
        self._metric, self._min = METRICS[options.metric], options.min

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The mean, up to the call before this one."""
        values = readings[0].values
        if not values or values[0] < self._min:
            return None
        return Measure(self._metric(values), int(values[0]))

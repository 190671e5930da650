"""Signals of repetition: many answers to the same input, as best-of-n and rejection sampling collect them.

The unit is an input whole: every turn, not only the new one, because a chat's "go on" is another question
each time. No text is stored, only hashes in a distinct-count sketch.
"""

from __future__ import annotations

from collections.abc import Sequence

import xxhash
from pydantic import Field

from gateway.fields import Facts
from gateway.model import Call, Distinct, Measure, Op, Reading, Sum
from gateway.signals.base import Context, Detector, Options, fingerprint
from gateway.units import Window

COARSE = 256
"""Bytes to which the part of a body that is not text is rounded. Two images inside a body nearly always
differ by more; another temperature or seed, by less."""
_ERROR = 400
"""From this HTTP status on there was no answer, and the same input again is an honest retry."""


def inputs(call: Call) -> tuple[int, ...]:
    """One 64-bit hash per independent input with text; settings such as temperature make no difference."""
    texts = [f"{turn.role}\0{turn.text}".encode("utf-8", "replace") for turn in call.turns]
    if call.prompts > 1:
        return tuple(xxhash.xxh3_64_intdigest(text) for text in texts)
    if not texts:
        return ()
    rest = (call.size - sum(map(len, texts))) // COARSE
    return (xxhash.xxh3_64_intdigest(b"\0".join((*texts, str(rest).encode()))),)


def answered(facts: Facts) -> tuple[int, ...]:
    """The inputs of a call that was answered, as far as is known; several signals count the same."""
    status = facts.outcome.status if facts.outcome else None
    if status is not None and status >= _ERROR:
        return ()
    found: tuple[int, ...] | None = facts.memo.get("inputs")
    if found is None:
        found = facts.memo["inputs"] = inputs(facts.call)
    return found


class RepeatsOptions(Options):
    """Over which window, and from how many inputs on."""

    over: Window
    """The window: 24h."""
    min: int = Field(ge=1)
    """No verdict below so many inputs."""


class Repeats(Detector):
    """Description: how many answers were asked for per different input; 1 where nothing comes twice.

    Asking again and asking for `n` answers at once count alike. The different ones are estimated (exact to
    64, then about ±13 %). Counted when an answer came, so that retries after an error do not count. No
    verdict below `min` inputs.

    Options: `over`, `min`.
    Example: `repeats: {over: 24h, min: 200}`
    """

    name = "repeats"
    options_type = RepeatsOptions
    fields = frozenset({"prompt.text", "request.n", "request.prompts", "response.status"})

    def __init__(self, options: RepeatsOptions, context: Context) -> None:
        self._over, self._min = options.over, options.min
        self._sums = fingerprint("answers", options.over, context.population)
        self._different = fingerprint("inputs", options.over, context.population)
        self.reads = (Sum(self._sums, self._over, (0.0, 0.0)), Distinct(self._different, self._over))

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """Answers per different input in the window, up to the call before this one."""
        n, answers = readings[0].values[:2]
        different = readings[1].values[0]
        return Measure(answers / different, int(n)) if n >= self._min and different else None

    def settle(self, facts: Facts) -> Sequence[Op]:
        """This call's inputs, and the answers asked for to each."""
        found = answered(facts)
        if not found:
            return ()
        n = len(found)
        return (
            Sum(self._sums, self._over, (float(n), float(n * max(1, facts.call.parameters.n)))),
            Distinct(self._different, self._over, found),
        )

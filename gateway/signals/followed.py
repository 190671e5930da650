"""Signals of follow-up: on how much of what it asked a principal came back.

What belongs here is which conversations went on, told by the calls themselves: a second turn replays the
first. People take up an answer, correct it, ask for more; who collects answers never reads them, and no
honest chat between its calls changes that, as long as only conversations that began like its own are looked
at. Nothing is remembered but two numbers, because a busy key has more conversations open than any bounded
memory holds, and would look as if nobody came back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field

from gateway.conditions import Spec
from gateway.fields import Facts
from gateway.model import Measure, Op, Reading, Sum
from gateway.signals.base import Context, Detector, Options, fingerprint
from gateway.units import Window


class FollowedOptions(Options):
    """Which conversations, over which window, and from how many on."""

    where: Spec | None = None
    """Only those whose first turn satisfies this condition."""
    over: Window
    """The window: 24h, 7d."""
    min: int = Field(ge=1)
    """No verdict below so many conversations."""


class Followed(Detector):
    """Description: of the conversations that began in a window, the share that got a second turn.

    A conversation begins with a call that replays no answer, and gets its second turn with a call that
    replays one. With `where` only those count whose first turn satisfies it, so that other people's
    conversations under the same key say nothing about what a harvest asks. A second turn that is sent twice
    is counted twice. Counted after the request was forwarded, so from the next call on. No verdict below
    `min` conversations.

    Options: `where`, `over`, `min`.
    Example: `followed: {where: {prompt.edges: {contains: quiz}}, over: 7d, min: 15}`
    """

    name = "followed"
    options_type = FollowedOptions

    def __init__(self, options: FollowedOptions, context: Context) -> None:
        self._where = context.condition(options.where) if options.where else None
        if self._where and self._where.late:
            raise ValueError("where: reads the answer, but a turn is heard before it")
        self._over, self._min = options.over, options.min
        asked = self._where.canonical if self._where else ""
        self.fields = frozenset({"request.replied"}) | (self._where.fields if self._where else frozenset())
        self._key = fingerprint("followed", options.over, asked, context.population)
        self.reads = (Sum(self._key, self._over, (0.0, 0.0)),)

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """Second turns over first ones, up to the call before this one."""
        begun, followed = readings[0].values[:2]
        return Measure(min(1.0, followed / begun), int(begun)) if begun >= self._min else None

    def study(self, facts: Facts, readings: Sequence[Reading]) -> Sequence[Op]:
        """A first turn, or the second of a conversation whose first turn would have counted."""
        answers = sum(turn.role == "assistant" for turn in facts.call.turns[:-1])
        if answers > 1:
            return ()
        if self._where and not self._where.weigh(_first(facts) if answers else facts):
            return ()
        return (Sum(self._key, self._over, (0.0, 1.0) if answers else (1.0, 0.0)),)


def _first(facts: Facts) -> Facts:
    """What was known of the conversation's first turn: the system prompt and what the user began with."""
    turns = facts.call.turns
    begun = next((at for at, turn in enumerate(turns) if turn.role == "assistant"), 0)
    return replace(facts, fresh=turns[:begun], memo={})

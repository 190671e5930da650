"""The signal of a bare campaign: how many accounts draw what they ask from one pool with the principal.

Telling who does is the business of `gateway.campaigns.pool`, reached through the store; here are its
questions and its answer in one number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import Field

from gateway.campaigns.operations import Converse, Pooled, Said
from gateway.campaigns.pool import Evidence
from gateway.conditions import Spec
from gateway.fields import Facts
from gateway.model import Measure, Op, Reading, Turn
from gateway.signals.base import Context, Detector, Options, fingerprint
from gateway.signals.campaign import shared
from gateway.signals.frames import opening
from gateway.signals.threads import said
from gateway.units import Duration

_MEASURES: Mapping[str, Callable[[Evidence], float]] = {
    "members": lambda found: found.members,
    "organisations": lambda found: found.circles,
}


class PoolOptions(Options):
    """Over which window members count, how different they must be, and what is counted."""

    over: Duration
    """The window in which members count: 24h, 7d."""
    measure: Literal["members", "organisations"] = "members"
    """What is counted of the pool."""
    organisations: int = Field(default=1, ge=1)
    """No verdict on one of fewer organisations, or networks: colleagues and classmates ask alike."""
    covers: float = Field(default=1.0, ge=1)
    """No verdict on a pool with fewer different system prompts: users of one tool share them."""
    where: Spec | None = None
    """Only calls that satisfy this condition are heard."""


class Pool(Detector):
    """Description: how many accounts draw what they ask from one pool with the principal: their conversations
    have no thread, and what they ask is put alike. No verdict for a principal that does not.

    For campaigns without a frame. An account's new turn is held against the conversation that it is sent in;
    who hardly ever takes up a word of it is compared with all others who do so, and with what everybody says.
    Accounts that stand in a `campaign` are not heard, nor are users of a tool whose users all stray. Nothing
    is said while most of the suspects are unlike. Watch with it: people who change the subject do exist.

    Options: `over`, `measure` (members, organisations), `organisations`, `covers`, `where`.
    Example: `pool: {over: 7d, organisations: 16, covers: 2}`
    """

    name = "pool"
    options_type = PoolOptions

    def __init__(self, options: PoolOptions, context: Context) -> None:
        self._options = options
        self._where = context.condition(options.where) if options.where else None
        if self._where and self._where.late:
            raise ValueError("where: reads the answer, but a turn is heard before it")
        canonical = self._where.canonical if self._where else ""
        asked = self._where.fields if self._where else frozenset[str]()
        self.fields = frozenset({"prompt.user", "prompt.system", "request.replied"}) | asked
        self._key = fingerprint("pool", canonical, context.population)
        self.reads = (Pooled(self._key, options.over),)

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The number, as of the calls before this one."""
        if not readings[0].data:
            return None
        found, asked = Evidence.read(readings[0].values), self._options
        if found.circles < asked.organisations or found.covers < asked.covers:
            return None
        name = readings[0].data.decode()
        value = _MEASURES[asked.measure](found)
        return Measure(value, campaign=name, note=f"pool {name}: {found.words()}")

    def study(self, facts: Facts, readings: Sequence[Reading]) -> Sequence[Op]:
        """This call's new turn, beside its conversation. Programs that never converse cost nothing."""
        if not readings[0].values and not facts.replied():
            return ()
        if self._where and not self._where.weigh(facts):
            return ()
        if "said" not in facts.memo:
            kinds = (opening(facts.text("system")), *shared(facts.principal, facts.client))
            facts.memo["said"] = _said(facts.call.turns), kinds
        found, kinds = facts.memo["said"]
        return (Converse(self._key, facts.principal.org, found, kinds),) if found.style else ()


def _said(turns: Sequence[Turn]) -> Said:
    """What stands after the last answer that a user's turn follows, beside what stands before."""
    last = max((at for at, turn in enumerate(turns) if turn.role == "user"), default=-1)
    begins = next((at + 1 for at in range(last, -1, -1) if turns[at].role == "assistant"), 0)
    new = "\n".join([turn.text for turn in turns[begins:] if turn.role == "user"])
    return said(new, turns[:begins])

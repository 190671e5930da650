"""What people say of a principal, over what the policies say: pardoned, or raised to a rung for a while.

A pardon undoes every response at once: all that was counted of the principal is forgotten, peaks and the
ladder's memory on both tracks with it, and its membership of campaigns. Two things stay: since when it is
known, or a rung that asks for an age would treat it as new, and which turns it has sent, or its old
conversations would be scored as new text. Evidence from after the pardon counts again, unless the pardon is
said to last.

Pure: here are operations on a store. Who may ask for them, and where it is written down, is the business of
`gateway.desk`.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway import ladder, turns
from gateway.model import Batch, Clear, Op, Reading, Register
from gateway.plan import FIRST, Plan
from gateway.words import quote, suggest

KEPT = (FIRST.key, turns.QUERY.key)
"""The summaries that a pardon leaves."""
_PARDONED = -1.0


class Intervention:
    """One order about one principal under the plan in use: apply `look`, then what one of the others gives.

    `principal` may also be `org:` and an organisation, whose own state a pardon forgets too.
    """

    def __init__(self, plan: Plan, principal: str) -> None:
        self._principal = principal
        every = (plan, *plan.variants.values())
        # Whose tenant's ladder it climbs is not known by its id alone, so each is told.
        self._ladders = {op.key: one.bundle.ladder for one in every for op in one.ladders}

    def look(self) -> list[Batch]:
        """Reads what the orders need to know; the first answer has no values if the principal is unknown."""
        return [(self._principal, [FIRST, *map(Register, self._ladders)])]

    def pardon(self, until: float | None) -> list[Batch]:
        """Forget, and stay off the ladder `until` then (seconds), whatever comes."""
        ops: list[Op] = [Clear("clear", KEPT)]
        if until is not None:
            ops += [
                Register(key, ladder.hold(rungs, (), _PARDONED, until))
                for key, rungs in self._ladders.items()
            ]
        return [(self._principal, ops)]

    def lift(self, readings: Sequence[Sequence[Reading]], rung: str, until: float) -> list[Batch]:
        """Stand on `rung` at least `until` then (seconds); `readings` answer `look`.

        On a ladder without such a rung its score counts. Raises ValueError if no ladder has it.
        """
        scores = {known.id: known.at for rungs in self._ladders.values() for known in reversed(rungs.rungs)}
        if rung not in scores:
            raise ValueError(f"no rung {quote(rung)}{suggest(rung, scores)}")
        ops: list[Op] = []
        for (key, rungs), memory in zip(self._ladders.items(), readings[0][1:], strict=True):
            score = next((known.at for known in rungs.rungs if known.id == rung), scores[rung])
            ops.append(Register(key, ladder.hold(rungs, memory.values, score, until)))
        return [(self._principal, ops)]

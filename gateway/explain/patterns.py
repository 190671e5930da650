"""Which patterns stand in the text of a call, by their full names: set and pattern."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.model import Call
from gateway.patterns import PatternSet, prepare


def matched(call: Call | None, sets: Mapping[str, PatternSet]) -> Iterator[str]:
    """`cot-elicitation.reasoning-as-data`, … in any turn, new or not; a name may come more than once."""
    for turn in call.turns if call else ():
        text = prepare(turn.text)
        for name, patterns in sets.items():
            yield from (f"{name}.{found}" for found in patterns.search(text))

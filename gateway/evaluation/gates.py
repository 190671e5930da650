"""Gates: conditions on a comparison, so that it can fail a build: `benign_new_throttle <= 0`.

A gate is a name, a comparison and a number; no expression language. Which names there are follows from the
ladder, and a wrong one is told with the nearest right word.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import ConfigError, Place
from gateway.evaluation.changes import Static
from gateway.evaluation.confusion import Confusion
from gateway.words import quote, suggest

_OPERATORS = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_GATE = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(<=|>=|==|!=|<|>)\s*(-?[0-9]+(?:\.[0-9]+)?)\s*")


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition and what it came to."""

    text: str
    value: float
    passed: bool


def quantities(found: Confusion, changed: Static, action: str) -> dict[str, float]:
    """Everything that a gate may ask for; `action` is the rung from which extraction counts as caught."""
    values: dict[str, float] = {}
    for shift in found.shifts:
        rung = shift.rung.replace("-", "_")
        values[f"new_{rung}"] = sum(shift.new.values())
        values[f"released_{rung}"] = sum(shift.released.values())
        for kind, count in shift.new.items():
            values[f"{kind}_new_{rung}"] = count
            values[f"{kind}_released_{rung}"] = shift.released[kind]
        if shift.rung == action:
            values["caught_new"] = shift.new["extraction"]
            values["caught_lost"] = shift.released["extraction"]
    for kind, count in found.worse.items():
        values[f"{kind}_worse"] = count
        values[f"{kind}_better"] = found.better[kind]
    return values | {
        "worse": sum(found.worse.values()),
        "better": sum(found.better.values()),
        "benign_p": found.benign_p,
        "stricter": changed.count("stricter"),
        "looser": changed.count("looser"),
        "counters_lost": len(changed.counters.lost),
    }


def check_gates(texts: list[str], values: Mapping[str, float]) -> tuple[Gate, ...]:
    """Every gate with its outcome. Raises ConfigError with all that cannot be read."""
    problems: list[tuple[Place, str]] = []
    gates = []
    for text in texts:
        found = _GATE.fullmatch(text)
        if found is None:
            message = f"write a gate as NAME <= NUMBER, such as 'benign_new_throttle <= 0', not {quote(text)}"
            problems.append((Place("--gate"), message))
        elif found[1] not in values:
            near = suggest(found[1], values) or f": {', '.join(sorted(values))}"
            problems.append((Place("--gate"), f"unknown name {quote(found[1])}{near}"))
        else:
            value = values[found[1]]
            gates.append(Gate(text.strip(), value, _OPERATORS[found[2]](value, float(found[3]))))
    if problems:
        raise ConfigError(problems)
    return tuple(gates)

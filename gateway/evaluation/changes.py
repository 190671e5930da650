"""The static difference of two policy directories: every value by its dotted path, and what it means.

A change is stricter (more principals, or harsher), looser, or neutral: neither by itself, or not known to be
either. Compared is the parsed form, so that `1h` and `60m` are equal and a default written out is no change.
Whose counters go on is a question to the detectors' fingerprints, not to the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gateway import actions
from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.policies.load import policy_files
from gateway.policies.schema import KINDS, TESTS
from gateway.signals import DETECTORS
from gateway.strict_yaml import parse

Effect = Literal["stricter", "looser", "neutral"]
Values = dict[str, Any]
"""Parsed values by dotted path."""

_WORDS = frozenset({
    "title", "description", "version", "status", "severity", "owner", "references", "false_positives", "why",
    "note", "reason", "since",
})  # fmt: skip
_MORE_IS_STRICTER = frozenset(
    {"points", "cap", "half_life", "weight", "percent", "by", "seconds", "retry_after"}
)
_LESS_IS_STRICTER = frozenset({
    "at", "clear", "policies", "principal_age", "sustained", "holdout", "min", "at_least", "max_top",
    "decimals", "n", "best_of", "max_tokens", "burst", "count", "top_logprobs", "until_score",
})  # fmt: skip
_LADDER = {"disabled": 0, "shadow": 1, "enforce": 2, "all": -1, "max": 0, "sum": 1}
"""Words with an order: modes, and ways to combine."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs; None stands for what is not there."""

    path: str
    before: Any
    after: Any
    effect: Effect


@dataclass(frozen=True, slots=True)
class Counters:
    """Signals by what happens to their history when the second bundle follows the first."""

    kept: tuple[str, ...]
    lost: tuple[str, ...]
    """Of both bundles, but measured otherwise: their windows start warming."""
    new: tuple[str, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Static:
    """The difference of two bundles, before any traffic."""

    before: str
    after: str
    changes: tuple[Change, ...]
    counters: Counters

    def count(self, effect: Effect) -> int:
        """How many changes have this effect."""
        return sum(change.effect == effect for change in self.changes)


def static(before: Bundle, after: Bundle, old: Values, new: Values) -> Static:
    """The difference of two bundles, whose values are `old` and `new`."""
    return Static(before.hash, after.hash, tuple(_changes(old, new)), _counters(before, after))


# --- values --------------------------------------------------------------------------------------------


def values(path: Path) -> Values:
    """Every value of the policy files at `path`, which must make a bundle."""
    found: Values = {}
    for file in policy_files(path):
        for document in parse(file.read_bytes(), str(file)):
            value = document.value
            if isinstance(value, dict) and value.get("kind") != TESTS:
                kind = str(value["kind"])
                said = KINDS[kind].model_validate(value).model_dump(mode="json", by_alias=True)
                name = said["id"] if kind == "policy" else f"{kind} {said['id']}"
                found |= _flat(_parsed(said), name)
    return found


def _parsed(said: dict[str, Any]) -> dict[str, Any]:
    """With the options of detectors and actions parsed, too."""
    for signal in said.get("signals", {}).values():
        for name in signal.keys() & DETECTORS.keys():
            signal[name] = _options(DETECTORS[name].options_type, signal[name])
    for rung in said["rungs"].values() if "rungs" in said else ():
        given = {name: options for entry in rung["do"] for name, options in entry.items()}
        rung["do"] = {
            name: _options(actions.get(name).options_type, options) if name in actions.NAMES else options
            for name, options in given.items()
        }
    return said


def _options(model: Any, given: object) -> object:
    return model.model_validate({} if given in (True, None) else given).model_dump(mode="json")


def _flat(value: object, path: str) -> Values:
    """Mappings become dotted paths; lists (ramps, conditions) and conditions are one value."""
    if isinstance(value, dict) and value and path.rpartition(".")[2] not in ("where", "match", "request"):
        found: Values = {}
        for key, inner in value.items():
            found |= _flat(inner, f"{path}.{key}")
        return found
    return {path: value}


# --- changes -------------------------------------------------------------------------------------------


def _changes(old: Values, new: Values) -> Iterator[Change]:
    removed, added = _things(old, new), _things(new, old)
    for thing in sorted(removed | added):
        gone = thing in removed
        yield Change(thing, "there" if gone else None, None if gone else "there", _whole(thing, gone=gone))
    whole = tuple(f"{thing}." for thing in removed | added)
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before != after and not path.startswith(whole):
            yield Change(path, before, after, _effect(path, before, after))


def _things(here: Iterable[str], there: Iterable[str]) -> set[str]:
    """The outermost documents, signals, rungs, patterns and actions that are here and not there."""
    ours, theirs = _holders(here), _holders(there)
    only = ours - theirs
    return {thing for thing in only if not any(thing.startswith(f"{other}.") for other in only)}


def _holders(paths: Iterable[str]) -> set[str]:
    found = set()
    for path in paths:
        parts = path.split(".")
        found.add(parts[0])
        for at, part in enumerate(parts[1:-1], 1):
            if part in ("signals", "rungs", "items", "do"):
                found.add(".".join(parts[: at + 2]))
    return found


def _whole(thing: str, *, gone: bool) -> Effect:
    if thing.startswith("tenant "):
        return "neutral"
    forgives = thing.startswith("exemption ")
    return "stricter" if gone is forgives else "looser"


def _effect(path: str, before: Any, after: Any) -> Effect:
    key = path.rpartition(".")[2]
    if key in _WORDS:
        return "neutral"
    if path.startswith("exemption ") and key == "ramp":
        return "looser" if after > before else "stricter"
    if key == "ramp":
        return _ramp(before, after)
    if key == "floor" and None in (before, after):
        return "stricter" if before is None else "looser"
    one, other = _number(before), _number(after)
    if one is None or other is None:
        return "neutral"
    if key in _MORE_IS_STRICTER or key in ("mode", "combine"):
        return "stricter" if other > one else "looser"
    if key in _LESS_IS_STRICTER:
        return "stricter" if other < one else "looser"
    return "neutral"


def _number(value: object) -> float | None:
    if isinstance(value, str):
        return _LADDER.get(value)
    return float(value) if isinstance(value, int | float) else None


def _ramp(before: Any, after: Any) -> Effect:
    """A rising ramp is stricter when both ends are lower, a falling one when both are higher."""
    if not before or not after or (before[0] < before[1]) != (after[0] < after[1]):
        return "neutral"
    sign = 1 if before[0] < before[1] else -1
    moves = {(a - b) * sign for b, a in zip(before, after, strict=True)}
    if max(moves) <= 0:
        return "stricter"
    return "looser" if min(moves) >= 0 else "neutral"


# --- counters ------------------------------------------------------------------------------------------


def _counters(before: Bundle, after: Bundle) -> Counters:
    old, new = _fingerprints(before), _fingerprints(after)
    # A counter is known by what it measures, so a signal may move to another policy and keep it.
    kept = {name for name, keys in new.items() if keys <= set().union(*old.values())}
    return Counters(
        kept=tuple(sorted(kept)),
        lost=tuple(sorted((old.keys() & new.keys()) - kept)),
        new=tuple(sorted(new.keys() - old.keys() - kept)),
        gone=tuple(sorted(old.keys() - new.keys())),
    )


def _fingerprints(bundle: Bundle) -> Mapping[str, frozenset[str]]:
    """The counters of every signal that has any and is on."""
    return {
        f"{policy.id}.{signal.id}": frozenset(op.key for op in signal.detector.reads)
        for policy in bundle.policies
        for signal in policy.signals
        if signal.detector.reads and min(policy.mode, signal.mode) > Mode.DISABLED
    }

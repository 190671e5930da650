"""Conditions over one call: a mapping in YAML → closures that answer with a weight from 0 to 1.

All keys of a mapping must hold. A key is a field of `gateway.fields` with a value (equals), a list (any
of them) or `{operator: value}`; or `any` / `all` with a list of conditions, or `not` with one. AND is
the minimum, OR the maximum, `not` is 1 exactly where the inner weight is 0; only `matches: '@set'` gives
weights between. What a call does not have (None) satisfies no comparison, `ne` and `not_in` included;
`exists: false` and `not` see it.

Measured: 0.1 µs per leaf. No expression language: leaves can be explained, counted and overridden.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import WithJsonSchema

from gateway.fields import FIELDS, Facts, Field, Kind
from gateway.patterns import PatternError, PatternSet, single
from gateway.words import quote, suggest

Weigh: TypeAlias = Callable[[Facts], float]
Path: TypeAlias = tuple[str | int, ...]
Spec = Annotated[dict[str, Any], WithJsonSchema({"type": "object", "format": "condition"})]
"""A condition as it is written, for models; the JSON Schema of policy files puts its grammar there."""


class ConditionError(ValueError):
    """A condition is wrong; `path` leads into its mapping, `at_key` tells to blame the key there."""

    def __init__(self, path: Path, message: str, *, at_key: bool = False) -> None:
        self.path = path
        self.message = message
        self.at_key = at_key
        super().__init__(message)


class UnknownSetError(ConditionError):
    """A condition names a pattern set that is not there."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition: `weigh(facts)` gives 0…1.

    `late`: it reads a field that is known only after the answer. `canonical` is equal for conditions
    that say the same in another order or spelling (pattern sets by their id, so that editing a pattern
    keeps the counters).
    """

    weigh: Weigh
    late: bool
    canonical: str
    fields: frozenset[str]


def compile_condition(
    spec: object, patterns: Mapping[str, PatternSet], vocabulary: Mapping[str, Field] = FIELDS
) -> Condition:
    """The condition in a decoded YAML mapping; `patterns` are the sets that `@id` may name.

    Raises ConditionError at the first mistake.
    """
    node = _Compiler(patterns, vocabulary).mapping(spec, ())
    late = any(vocabulary[name].late for name in node.fields)
    canonical = json.dumps(node.tree, ensure_ascii=False, separators=(",", ":"))
    # Several signals ask the same at several steps. One field is as cheap to read again.
    again = late or not (node.sets or node.tree[0] in ("all", "any", "not"))
    weigh = node.weigh if again else _once((canonical, node.sets), node.weigh)
    return Condition(weigh, late, canonical, node.fields)


def _once(key: object, weigh: Weigh) -> Weigh:
    """The same, evaluated once for each call. Equal keys mean equal conditions, under other bundles, too."""

    def once(facts: Facts) -> float:
        known: float | None = facts.memo.get(key)
        if known is None:
            known = facts.memo[key] = weigh(facts)
        return known

    return once


@dataclass(frozen=True, slots=True)
class _Node:
    """A part of a condition; `tree` is its normal form, a list of an operator and its operands."""

    weigh: Weigh
    tree: list[Any]
    fields: frozenset[str]
    sets: frozenset[PatternSet] = frozenset()
    """What it matches text with: two bundles may have different sets under one id."""


@dataclass(frozen=True, slots=True)
class _Compiler:
    patterns: Mapping[str, PatternSet]
    vocabulary: Mapping[str, Field]

    def mapping(self, spec: object, path: Path) -> _Node:
        if not isinstance(spec, Mapping):
            raise ConditionError(path, "write a condition: a mapping of fields")
        if not spec:
            raise ConditionError(path, "an empty condition: name at least one field")
        return _join("all", [self._entry(key, value, (*path, key)) for key, value in spec.items()])

    def _entry(self, key: str, value: object, path: Path) -> _Node:
        if key in ("any", "all"):
            if not isinstance(value, list) or not value:
                raise ConditionError(path, f"'{key}' takes a list of conditions")
            return _join(key, [self.mapping(part, (*path, i)) for i, part in enumerate(value)])
        if key == "not":
            return _not(self.mapping(value, path))
        if key not in self.vocabulary:
            known = [*self.vocabulary, "any", "all", "not"]
            raise ConditionError(path, f"unknown field {quote(key)}{suggest(key, known)}", at_key=True)
        return self._leaves(self.vocabulary[key], value, path)

    def _leaves(self, field: Field, value: object, path: Path) -> _Node:
        if isinstance(value, list):
            return self._leaf(field, "in", value, path)
        if not isinstance(value, Mapping):
            return self._leaf(field, "contains" if field.kind == "list" else "eq", value, path)
        if not value:
            raise ConditionError(path, f"write {{operator: value}} with {', '.join(_MAKE[field.kind])}")
        return _join("all", [self._leaf(field, op, value[op], (*path, op)) for op in value])

    def _leaf(self, field: Field, op: str, value: object, path: Path) -> _Node:
        fits = _MAKE[field.kind]
        if op not in fits:
            if any(op in others for others in _MAKE.values()):
                message = f"'{op}' does not fit {field.name} ({field.kind}): use {', '.join(fits)}"
            else:
                message = f"unknown operator {quote(op)}{suggest(op, fits)}"
            raise ConditionError(path, message, at_key=path[-1] == op)
        if op == "matches":
            return self._matches(field, value, path)
        operand = _operand(field, op, value, path)
        if isinstance(operand, list) and len(operand) == 1 and (one := _ONE.get((field.kind, op))):
            op, operand = one, operand[0]
        return _Node(
            _MAKE[field.kind][op](field.get, operand), [op, field.name, operand], frozenset({field.name})
        )

    def _matches(self, field: Field, value: object, path: Path) -> _Node:
        if not isinstance(value, str):
            raise ConditionError(path, "write a pattern, or '@' and the id of a pattern set")
        if value.startswith("@"):
            found = self.patterns.get(value[1:])
            if found is None:
                near = suggest(value, [f"@{name}" for name in self.patterns])
                raise UnknownSetError(path, f"no pattern set {quote(value)}{near}")
        else:
            try:
                found = single(value)
            except PatternError as error:
                raise ConditionError(path, str(error)) from None
        tree = ["matches", field.name, value]
        return _Node(_matches(field.get, found), tree, frozenset({field.name}), frozenset({found}))


# --- structure -----------------------------------------------------------------------------------------


def _join(op: str, nodes: list[_Node]) -> _Node:
    """Several parts under `all` or `any`: the same part counts once, the same operator is flattened."""
    trees: dict[str, Any] = {}
    for node in nodes:
        for tree in node.tree[1:] if node.tree[0] == op else [node.tree]:
            trees[json.dumps(tree)] = tree
    ordered = [trees[key] for key in sorted(trees)]
    fields = frozenset().union(*(node.fields for node in nodes))
    sets = frozenset().union(*(node.sets for node in nodes))
    weigh = nodes[0].weigh if len(nodes) == 1 else _JOIN[op](tuple(node.weigh for node in nodes))
    return _Node(weigh, ordered[0] if len(ordered) == 1 else [op, *ordered], fields, sets)


def _all(parts: tuple[Weigh, ...]) -> Weigh:
    def weigh(facts: Facts) -> float:
        lowest = 1.0
        for part in parts:
            weight = part(facts)
            if weight < lowest:
                if not weight:
                    return 0.0
                lowest = weight
        return lowest

    return weigh


def _any(parts: tuple[Weigh, ...]) -> Weigh:
    def weigh(facts: Facts) -> float:
        highest = 0.0
        for part in parts:
            weight = part(facts)
            if weight > highest:
                if weight == 1.0:
                    return 1.0
                highest = weight
        return highest

    return weigh


_JOIN: Mapping[str, Callable[[tuple[Weigh, ...]], Weigh]] = {"all": _all, "any": _any}


def _not(node: _Node) -> _Node:
    inner = node.weigh
    return _Node(lambda facts: 0.0 if inner(facts) else 1.0, ["not", node.tree], node.fields, node.sets)


# --- leaves --------------------------------------------------------------------------------------------
# One closure for each operator; `get` reads the field, None means that the call does not have it.

_Get: TypeAlias = Callable[[Facts], Any]


def _eq(get: _Get, operand: Any) -> Weigh:
    return lambda facts: 1.0 if get(facts) == operand else 0.0


def _ne(get: _Get, operand: Any) -> Weigh:
    return lambda facts: 1.0 if (value := get(facts)) is not None and value != operand else 0.0


def _gt(get: _Get, operand: Any) -> Weigh:
    return lambda facts: 1.0 if (value := get(facts)) is not None and value > operand else 0.0


def _gte(get: _Get, operand: Any) -> Weigh:
    return lambda facts: 1.0 if (value := get(facts)) is not None and value >= operand else 0.0


def _lt(get: _Get, operand: Any) -> Weigh:
    return lambda facts: 1.0 if (value := get(facts)) is not None and value < operand else 0.0


def _lte(get: _Get, operand: Any) -> Weigh:
    return lambda facts: 1.0 if (value := get(facts)) is not None and value <= operand else 0.0


def _in(get: _Get, operand: list[Any]) -> Weigh:
    among = frozenset(operand)
    return lambda facts: 1.0 if get(facts) in among else 0.0


def _not_in(get: _Get, operand: list[Any]) -> Weigh:
    among = frozenset(operand)
    return lambda facts: 1.0 if (value := get(facts)) is not None and value not in among else 0.0


def _contains(get: _Get, operand: str) -> Weigh:
    return lambda facts: 1.0 if (value := get(facts)) is not None and operand in value else 0.0


def _has_any(get: _Get, operand: list[str]) -> Weigh:
    among = frozenset(operand)
    return lambda facts: 0.0 if among.isdisjoint(get(facts)) else 1.0


def _has_none(get: _Get, operand: list[str]) -> Weigh:
    among = frozenset(operand)
    return lambda facts: 1.0 if among.isdisjoint(get(facts)) else 0.0


def _starts_with(get: _Get, operand: str) -> Weigh:
    return lambda facts: 1.0 if (value := get(facts)) is not None and value.startswith(operand) else 0.0


def _exists(get: _Get, operand: bool) -> Weigh:
    # An empty text or list is what readers give for "not there": joined turns, no tags.
    return lambda facts: 1.0 if (get(facts) not in (None, "", ())) is operand else 0.0


def _cidr(get: _Get, operand: list[str]) -> Weigh:
    networks = tuple(ipaddress.ip_network(text) for text in operand)

    def weigh(facts: Facts) -> float:
        try:
            address = ipaddress.ip_address(get(facts))
        except ValueError:  # also for None
            return 0.0
        # A dual-stack socket shows IPv4 clients as ::ffff:192.0.2.1 (RFC 4291, 2.5.5.2).
        plain = getattr(address, "ipv4_mapped", None) or address
        return 1.0 if any(plain in network for network in networks) else 0.0

    return weigh


def found(facts: Facts, get: _Get, patterns: PatternSet) -> tuple[str, ...]:
    """Ids of the patterns that match the text that `get` reads; all sets are searched at once."""
    known = facts.memo.setdefault(patterns.scan, {})
    hits: Mapping[str, tuple[str, ...]] | None = known.get(get)
    if hits is None:
        text = get(facts)
        if not text:
            return ()
        hits = known[get] = patterns.scan.within(text)
    return hits.get(patterns.id, ())


def _matches(get: _Get, operand: PatternSet) -> Weigh:
    def weigh(facts: Facts) -> float:
        ids = found(facts, get, operand)
        return operand.weight_of(ids) if ids else 0.0

    return weigh


_MAKE: Mapping[Kind, Mapping[str, Callable[[_Get, Any], Weigh]]] = {
    "number": {
        "eq": _eq,
        "ne": _ne,
        "gt": _gt,
        "gte": _gte,
        "lt": _lt,
        "lte": _lte,
        "in": _in,
        "not_in": _not_in,
        "exists": _exists,
    },
    "text": {
        "eq": _eq,
        "ne": _ne,
        "in": _in,
        "not_in": _not_in,
        "contains": _contains,
        "starts_with": _starts_with,
        "matches": _matches,
        "cidr": _cidr,
        "exists": _exists,
    },
    "flag": {"eq": _eq, "ne": _ne, "exists": _exists},
    "list": {"contains": _contains, "in": _has_any, "not_in": _has_none, "exists": _exists},
}
"""The operators that fit a field's kind, in the order in which messages name them."""

OPERATORS: Mapping[Kind, tuple[str, ...]] = {kind: tuple(makers) for kind, makers in _MAKE.items()}
"""Their names, for the documentation."""

_ONE = {
    ("number", "in"): "eq",
    ("text", "in"): "eq",
    ("list", "in"): "contains",
    ("number", "not_in"): "ne",
    ("text", "not_in"): "ne",
}
"""What a list operator with one operand comes down to."""


# --- operands ------------------------------------------------------------------------------------------


def _operand(field: Field, op: str, value: object, path: Path) -> Any:
    """The checked operand in its normal form: numbers as floats, lists sorted and without repeats."""
    if op == "exists":
        if not isinstance(value, bool):
            raise ConditionError(path, "'exists' takes true or false")
        return value
    if op == "cidr":
        values = value if isinstance(value, list) else [value]
        return sorted({_network(part, path) for part in values})
    if op in ("in", "not_in"):
        if not isinstance(value, list) or not value:
            raise ConditionError(path, "write a list of values")
        return sorted({_scalar(field, op, part, (*path, i)) for i, part in enumerate(value)})
    return _scalar(field, op, value, path)


def _scalar(field: Field, op: str, value: object, path: Path) -> Any:
    if field.kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConditionError(path, f"{field.name} is a number: write a number")
        return float(value)
    if field.kind == "flag":
        if not isinstance(value, bool):
            raise ConditionError(path, f"{field.name} is true or false: write true or false")
        return value
    if not isinstance(value, str) or not value:
        raise ConditionError(path, f"{field.name} is text: write text (numbers and true, false in quotes)")
    if field.choices and op in ("eq", "ne", "in", "not_in") and value not in field.choices:
        near = suggest(value, field.choices)
        raise ConditionError(path, f"{quote(value)} is not one of {', '.join(field.choices)}{near}")
    return value


def _network(value: object, path: Path) -> str:
    try:
        return str(ipaddress.ip_network(value if isinstance(value, str) else "", strict=False))
    except ValueError:
        raise ConditionError(path, f"not an address range: {quote(value)}; write 192.0.2.0/24") from None

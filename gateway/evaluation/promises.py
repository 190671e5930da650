"""How many test cases speak of each policy, read from the `tests` documents of a policy directory.

Only counting: running them is the business of `gateway test`, which also says what is wrong with them. Hence
documents that cannot be read are passed over here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.errors import ConfigError
from gateway.evaluation.readiness import Promises
from gateway.model import JSON
from gateway.policies.schema import TESTS
from gateway.strict_yaml import parse

_NAME = re.compile(r"([a-z0-9-]+)(?:\.[a-z0-9-]+)?")


def read_promises(directory: Path, policies: Iterable[str]) -> dict[str, Promises]:
    """Cases and known gaps by policy; a case speaks of the policies that it, or its document, names."""
    known = set(policies)
    cases: Counter[str] = Counter()
    gaps: Counter[str] = Counter()
    for document in _documents(directory):
        listed = document.get("cases")
        common = _named(document.get("policies"), known)
        for case in listed if isinstance(listed, list) else ():
            if isinstance(case, dict):
                named = common | _named(case.get("expect"), known)
                cases.update(named)
                gaps.update(named if "known_gap" in case else ())
    return {name: Promises(cases[name], gaps[name]) for name in sorted(cases)}


def _documents(directory: Path) -> Iterator[dict[str, JSON]]:
    for path in sorted(directory.rglob("*.y*ml")) if directory.is_dir() else ():
        try:
            documents = parse(path.read_bytes(), str(path))
        except (ConfigError, OSError):
            continue
        for document in documents:
            if isinstance(document.value, dict) and document.value.get("kind") == TESTS:
                yield document.value


def _named(value: JSON, known: set[str]) -> set[str]:
    """The policies that words somewhere in `value` name, by themselves or as `policy.signal`."""
    if isinstance(value, dict):
        return set().union(*(_named(key, known) | _named(inner, known) for key, inner in value.items()))
    if isinstance(value, list):
        return set().union(*(_named(inner, known) for inner in value))
    found = _NAME.fullmatch(value) if isinstance(value, str) else None
    return {found[1]} & known if found else set()

"""How many test cases speak of each policy, read from the `tests` documents that stand with the policies.

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


def read_promises(path: Path, policies: Iterable[str]) -> dict[str, Promises]:
    """Cases, known gaps and promises to honest traffic by policy, for the policies in a directory or a file.

    A case speaks of the policies that it, its tags or its document names.
    """
    known = set(policies)
    cases: Counter[str] = Counter()
    gaps: Counter[str] = Counter()
    honest: Counter[str] = Counter()
    for document in _documents(path):
        listed = document.get("cases")
        common = _named(document.get("policies"), known)
        for case in listed if isinstance(listed, list) else ():
            if isinstance(case, dict):
                named = common | _named(case.get("expect"), known) | _named(case.get("tags"), known)
                cases.update(named)
                gaps.update(named if "known_gap" in case else ())
                honest.update(named if _honest(case) else ())
    return {name: Promises(cases[name], gaps[name], honest[name]) for name in sorted(cases)}


def _documents(path: Path) -> Iterator[dict[str, JSON]]:
    """Those of kind `tests` below a directory; of a file: those in it and in a `tests` folder beside it."""
    below = path if path.is_dir() else path.parent / TESTS
    files = sorted(below.rglob("*.y*ml")) if below.is_dir() else []
    for file in files if path.is_dir() else [path, *files]:
        try:
            documents = parse(file.read_bytes(), str(file))
        except (ConfigError, OSError):
            continue
        for document in documents:
            if isinstance(document.value, dict) and document.value.get("kind") == TESTS:
                yield document.value


def _honest(case: dict[str, JSON]) -> bool:
    """Whether nobody in the case is an attacker, and somebody is promised never to reach a rung.

    A case that is known to fail promises nothing.
    """
    labels = [stream.get("label") for stream in _maps(case.get("traffic"))]
    never = any(expect.get("never") for expect in _maps(case.get("expect")))
    return never and "extraction" not in labels and "known_gap" not in case


def _maps(value: JSON) -> list[dict[str, JSON]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _named(value: JSON, known: set[str]) -> set[str]:
    """The policies that words somewhere in `value` name, by themselves or as `policy.signal`."""
    if isinstance(value, dict):
        return set().union(*(_named(key, known) | _named(inner, known) for key, inner in value.items()))
    if isinstance(value, list):
        return set().union(*(_named(inner, known) for inner in value))
    found = _NAME.fullmatch(value) if isinstance(value, str) else None
    return {found[1]} & known if found else set()

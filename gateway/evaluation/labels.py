"""Labels of principals, from a CSV file that a person or `gateway label` has filled in.

A header names the columns `principal` and `label` (`benign…`, `extraction…`, or `unclear`), and perhaps
`probability`, with which the principal was drawn; others are passed over. A principal labelled twice keeps
the later word: people change their minds.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TypeAlias

from gateway.errors import ConfigError, Place
from gateway.evaluation.cases import Label, kind_of
from gateway.words import quote

_COLUMNS = ("principal", "label")
_UNANSWERED = ("", "unlabelled")
_UNKNOWN = (*_UNANSWERED, "unclear")

_Row: TypeAlias = tuple[str, str, Label | None]
"""Principal, what stands under `label`, and the label if that is clear."""


def read_labels(path: Path) -> dict[str, Label]:
    """Labels by principal; those that are not clear are left out. Raises ConfigError with all mistakes."""
    found: dict[str, Label] = {}
    for principal, _, label in _rows(path):
        if label is None:
            found.pop(principal, None)
        else:
            found[principal] = label
    return found


def read_answered(path: Path) -> frozenset[str]:
    """The principals of which somebody has said what they are, be it `unclear`. Raises ConfigError."""
    return frozenset(principal for principal, word, _ in _rows(path) if word not in _UNANSWERED)


def _rows(path: Path) -> list[_Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _checked(csv.DictReader(file), str(path))
    except OSError as error:
        raise ConfigError.at(Place(str(path)), f"cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError.at(Place(str(path)), f"not CSV in UTF-8: {error}") from None


def _checked(rows: csv.DictReader[str], name: str) -> list[_Row]:
    missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise ConfigError.at(Place(name, 1, 1), f"no column {' and no column '.join(map(repr, missing))}")
    found: list[_Row] = []
    problems: list[tuple[Place, str]] = []
    for row in rows:
        principal, text = ((row[column] or "").strip() for column in _COLUMNS)
        try:
            label = _label(text, (row.get("probability") or "1").strip())
        except ValueError as error:
            problems.append((Place(name, rows.line_num, 1), str(error)))
            continue
        if principal:
            found.append((principal, text, label))
    if problems:
        raise ConfigError(problems)
    return found


def _label(text: str, drawn: str) -> Label | None:
    """None: not clear. Raises ValueError with the words for the author."""
    if text in _UNKNOWN:
        return None
    if kind_of(text) == "unlabelled":
        raise ValueError(f"{quote(text)} is no label: write benign or extraction, with a note after a colon")
    try:
        probability = float(drawn)
    except ValueError:
        probability = math.nan
    if not 0 < probability <= 1:
        raise ValueError(f"{quote(drawn)} is no probability: write a number above 0, at most 1")
    return Label(text, probability)

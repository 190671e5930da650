"""Editing single values in policy files, in place: comments, order and layout stay as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigError, Place
from gateway.policies.load import load_bundle, policy_files
from gateway.strict_yaml import Document, parse
from gateway.strict_yaml import Path as Keys

_SCALAR = re.compile(r""" "(?:[^"\\]|\\.)*" | '(?:[^']|'')*' | [^\s,}\]#]+ """, re.VERBOSE)
"""A value on one line: in quotes, or without."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`value` at `path` of the document (kind, id).

    Where there is no such key it is written before its sibling `before`; without one that is a mistake.
    """

    document: tuple[str, str]
    path: Keys
    value: str
    before: str | None = None


def apply_edits(policies: Path, edits: Iterable[Edit]) -> list[Place]:
    """Write all values; returns where they stand now.

    Raises ConfigError, and leaves every file as it was, when there is no such place or the policies would
    not load afterwards.
    """
    every = list(edits)
    were: dict[Path, bytes] = {}
    try:
        for edit in every:
            file, data, found = _find(policies, edit)
            were.setdefault(file, data)
            file.write_bytes(_edited(found, edit, data).encode())
        load_bundle(policies)
    except ConfigError:
        for file, before in were.items():
            file.write_bytes(before)
        raise
    # Only now, as each line that was added has moved what stands below it.
    return [_find(policies, edit)[2].place(edit.path) for edit in every]


def _find(policies: Path, edit: Edit) -> tuple[Path, bytes, Document]:
    """The document to edit, its file, and what that holds."""
    for file in policy_files(policies):
        data = file.read_bytes()
        for found in parse(data, str(file)):
            said = found.value
            if isinstance(said, dict) and (said.get("kind"), said.get("id")) == edit.document:
                return file, data, found
    raise _nowhere(Place(str(policies)), edit)


def _nowhere(place: Place, edit: Edit) -> ConfigError:
    kind, name = edit.document
    return ConfigError.at(place, f"no {'.'.join(map(str, edit.path))} in {kind} '{name}'")


def _edited(found: Document, edit: Edit, data: bytes) -> str:
    """The text of the whole file with the value in it."""
    lines = data.decode("utf-8-sig").splitlines(keepends=True)
    *parents, key = edit.path
    there = found.known(edit.path) == edit.path
    sibling = edit.path if there else (*parents, edit.before or "")
    if found.known(sibling) != sibling:
        raise _nowhere(found.place(()), edit)
    place = found.place(sibling, key=not there)
    line, at = lines[place.line - 1], place.column - 1
    if there:
        rest = _SCALAR.sub(lambda _: edit.value, line[at:], count=1)
    else:
        whole = found.place(tuple(parents))
        in_braces = lines[whole.line - 1][whole.column - 1] == "{"
        rest = f"{key}: {edit.value}{', ' if in_braces else chr(10) + ' ' * at}{line[at:]}"
    lines[place.line - 1] = line[:at] + rest
    return "".join(lines)

"""Editing one number in a policy file, in place: comments, order and layout stay as they are."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.errors import ConfigError, Place
from gateway.policies.load import load_bundle, policy_files
from gateway.strict_yaml import parse

_SCALAR = re.compile(r"[^\s,}\]#]+")


def set_value(policies: Path, document: tuple[str, str], path: tuple[str, ...], value: str) -> Place:
    """Write `value` at `path` of the document (kind, id); returns where.

    Raises ConfigError, and leaves the file as it was, when there is no such place or the policies would not
    load afterwards.
    """
    kind, name = document
    for file in policy_files(policies):
        before = file.read_bytes()
        for found in parse(before, str(file)):
            said = found.value
            if isinstance(said, dict) and (said.get("kind"), said.get("id")) == (kind, name):
                if found.known(path) != path:
                    break
                place = found.place(path)
                file.write_bytes(_replaced(before, place, value))
                try:
                    load_bundle(policies)
                except ConfigError:
                    file.write_bytes(before)
                    raise
                return place
    raise ConfigError.at(Place(str(policies)), f"no {'.'.join(path)} in {kind} '{name}'")


def _replaced(data: bytes, place: Place, value: str) -> bytes:
    lines = data.decode("utf-8-sig").splitlines(keepends=True)
    line = lines[place.line - 1]
    at = place.column - 1
    lines[place.line - 1] = line[:at] + _SCALAR.sub(value, line[at:], count=1)
    return "".join(lines).encode()

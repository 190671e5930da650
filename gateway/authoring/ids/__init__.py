"""The ids that references may name, as lists that come with the package: MITRE ATLAS and OWASP AISVS.

A list is a text file: the first line names the release, the ids follow one a line, `#` begins a remark.
To follow a new release, replace the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class IdList:
    """The ids of one release of a catalogue, whose name messages show."""

    release: str
    ids: frozenset[str]


def id_list(name: str) -> IdList:
    """The list in the file `name.txt` beside this one."""
    head, *lines = resources.files(__name__).joinpath(f"{name}.txt").read_text("utf-8").splitlines()
    ids = frozenset(line for line in lines if not line.startswith("#"))
    return IdList(head.removeprefix("# "), ids)

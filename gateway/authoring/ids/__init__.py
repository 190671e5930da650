"""The ids that references may name, as lists that come with the package: MITRE ATLAS and OWASP AISVS.

A list is a text file: the first line names the release, `#` begins a remark, and each other line is an id and
what it is called. To follow a new release, replace the file.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

_NEAR = 0.6


@dataclass(frozen=True, slots=True)
class IdList:
    """The ids of one release of a catalogue, whose name messages show, and what each is called."""

    release: str
    titles: Mapping[str, str]

    def judges(self, name: str) -> bool:
        """Whether this list holds the family of an id: it may be of one chapter only."""
        family = name.partition(".")[0]
        return any(known.partition(".")[0] == family for known in self.titles)

    def called(self, title: str) -> list[str]:
        """The ids of exactly this title, in whatever case."""
        wanted = " ".join(title.split()).casefold()
        return [name for name, known in self.titles.items() if known.casefold() == wanted]

    def nearest(self, name: str, note: str = "") -> str | None:
        """The id that was most likely meant by one that is not listed: that of the title which stands in
        the note, else the one most like it, if there is any among those under the same number."""
        stem = name.rpartition(".")[0]
        siblings = [known for known in self.titles if known.rpartition(".")[0] == stem]
        alike = (difflib.get_close_matches(name, few, n=1, cutoff=_NEAR) for few in (siblings, self.titles))
        return next(iter(sum(alike, self.called(note))), None)


def id_list(name: str) -> IdList:
    """The list in the file `name.txt` beside this one."""
    head, *lines = resources.files(__name__).joinpath(f"{name}.txt").read_text("utf-8").splitlines()
    titles = dict(line.split(" ", 1) for line in lines if not line.startswith("#"))
    return IdList(head.removeprefix("# "), titles)

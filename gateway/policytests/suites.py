"""A test document with where it came from, and one of its cases: what the other modules pass around."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeAlias

from gateway.errors import Place
from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.policytests.schema import CaseDocument, SuiteDocument
from gateway.records import Record
from gateway.strict_yaml import Document, Path
from gateway.traffic import Line

Drive: TypeAlias = Callable[[Line, int], Record]
"""One gateway: takes a request and its number, gives its record."""
Start: TypeAlias = Callable[[Bundle, Mode], Drive]
"""A gateway that has seen nothing yet, with these policies under this ceiling."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `path` is where it stands in its document."""

    suite: Suite
    document: CaseDocument
    path: Path

    @property
    def name(self) -> str:
        """What it is called."""
        return self.document.name

    @property
    def tags(self) -> frozenset[str]:
        """Its own tags, and those of its document."""
        return frozenset((*self.document.tags, *self.suite.model.tags))

    @property
    def enforces(self) -> bool:
        """Whether policies are seen as fully enforced."""
        return (self.document.as_mode or self.suite.model.as_mode) == "enforce"

    def place(self, *inside: str | int) -> Place:
        """Where something of it stands."""
        return self.suite.document.place((*self.path, *inside))


@dataclass(frozen=True, slots=True)
class Suite:
    """A document of kind `tests`."""

    document: Document
    model: SuiteDocument

    @property
    def folder(self) -> PurePath:
        """Where its fixtures are looked for."""
        return PurePath(self.document.place(()).file).parent

    def cases(self) -> Iterator[Case]:
        """Its cases in order."""
        for index, case in enumerate(self.model.cases):
            yield Case(self, case, ("cases", index))

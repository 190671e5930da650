"""Collecting every mistake of every document, so that an author sees all of them at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from gateway.conditions import ConditionError
from gateway.errors import ConfigError, Place
from gateway.policies.bundle import Advice
from gateway.strict_yaml import Document, Path, explain_validation


@dataclass(slots=True)
class Problems:
    """The mistakes found so far, in the order in which they were found."""

    found: list[tuple[Place, str]] = field(default_factory=list)
    warned: list[Advice] = field(default_factory=list)
    """Told, but not in the way."""

    def warn(self, document: Document, path: Path, message: str) -> None:
        """One piece of advice at the key at `path`."""
        place = document.place(path, key=True)
        self.warned.append(Advice(place, f"{'.'.join(map(str, path))}: {message}"))

    def warnings(self) -> tuple[Advice, ...]:
        """The advice, in order of place."""
        return tuple(sorted(self.warned, key=lambda one: (one.place.file, one.place.line, one.place.column)))

    def add(self, document: Document, path: Path, message: str, *, at_key: bool = True) -> None:
        """One mistake at the key (or the value) at `path`, named by its dotted path."""
        dotted = ".".join(map(str, path))
        place = document.place(path, key=at_key)
        self.found.append((place, f"{dotted}: {message}" if dotted else message))

    def unknown(self, document: Document, path: Path, message: str) -> None:
        """A key that should not be there: the path to it is said by the place, its parent's by name."""
        dotted = ".".join(map(str, path[:-1]))
        self.found.append((document.place(path, key=True), f"{dotted}: {message}"))

    def condition(self, document: Document, prefix: Path, error: ConditionError) -> None:
        """A mistake in the condition that stands at `prefix`."""
        path = (*prefix, *error.path)
        if error.at_key:
            self.unknown(document, path, error.message)
        else:
            self.add(document, path, error.message, at_key=False)

    def explain(self, document: Document, error: ValidationError, model: Any, prefix: Path = ()) -> None:
        """Everything that pydantic complained about."""
        self.found.extend(explain_validation(document, error, model, prefix))

    def check(self) -> None:
        """Raise ConfigError if there are any, by file and line."""
        if self.found:
            raise ConfigError(sorted(self.found, key=lambda one: (one[0].file, one[0].line, one[0].column)))

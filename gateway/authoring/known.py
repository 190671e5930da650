"""Documents that can be read, with their models: what lints look at and point to.

No lint stands here. What cannot be read is left out, because the loader tells it as an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gateway.authoring.findings import Finding, Severity
from gateway.policies.schema import KINDS
from gateway.strict_yaml import Document, Path


@dataclass(frozen=True, slots=True)
class Known:
    """A document that can be read, and its model."""

    document: Document
    model: Any

    def say(self, path: Path, message: str, severity: Severity = "warning", *, key: bool = True) -> Finding:
        """A finding at a path of the document: at its key, or at its value."""
        dotted = ".".join(map(str, path))
        place = self.document.place(path, key=key)
        return Finding(place, severity, f"{dotted}: {message}" if dotted else message)


def readable(documents: Iterable[Document]) -> Iterator[Known]:
    """The documents of a bundle that can be read; tests are none of them."""
    for document in documents:
        kind = document.value.get("kind") if isinstance(document.value, dict) else None
        try:
            yield Known(document, KINDS[str(kind)].model_validate(document.value))
        except (KeyError, ValidationError):
            continue  # Told as an error already.


def of(known: Iterable[Known], model: type[Any]) -> list[Known]:
    """Those of one kind."""
    return [one for one in known if isinstance(one.model, model)]

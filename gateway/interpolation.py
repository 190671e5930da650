"""`${VAR}` and `${VAR:-default}` in the text values of a YAML document; the environment is an argument.

Belongs here: which text is a reference and what stands in its place. Not here: keys (a name that the
environment decides cannot be checked), numbers and policies (their hash must not depend on the machine).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.errors import ConfigError, Place
from gateway.model import JSON
from gateway.strict_yaml import Document, Path

_REFERENCE = re.compile(r"(\$)?\$\{([^}]*)(\})?")
_INSIDE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


def interpolate(document: Document, env: Mapping[str, str]) -> Document:
    """The document with every reference replaced; places stay as they were.

    As in POSIX shells the default also stands in for an empty variable. A value that was only
    references and comes to nothing is null, so that `token: ${TOKEN:-}` means "no token". `$${` is a
    literal `${`. Raises ConfigError with every variable that is missing.
    """
    walk = _Walk(document, env)
    value = walk.value(document.value, ())
    if walk.problems:
        raise ConfigError(walk.problems)
    return Document(value, document.places)


@dataclass(slots=True)
class _Walk:
    document: Document
    env: Mapping[str, str]
    problems: list[tuple[Place, str]] = field(default_factory=list)

    def value(self, value: JSON, path: Path) -> JSON:
        if isinstance(value, dict):
            return {key: self.value(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, (*path, index)) for index, item in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return _REFERENCE.sub(lambda found: self._replace(found, path), value) or None
        return value

    def _replace(self, found: re.Match[str], path: Path) -> str:
        if found[1]:
            return found[0][1:]
        inside = _INSIDE.fullmatch(found[2]) if found[3] else None
        if inside is None:
            return self._complain(path, "write ${NAME} or ${NAME:-default}, and $${ for a plain ${")
        given = self.env.get(inside[1])
        if given is None and inside[2] is None:
            return self._complain(path, f"the environment variable {inside[1]} is not set")
        return given or inside[2] or ""

    def _complain(self, path: Path, message: str) -> str:
        self.problems.append((self.document.place(path), f"{'.'.join(map(str, path))}: {message}"))
        return ""

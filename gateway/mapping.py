"""What an operator knows of principals: a YAML file from principal ids to organisation, tier, tags, age.

Belongs here: reading, checking and flattening that file. Ids are the hashes that stand in decision
records; a file with raw keys in it is refused, and no message repeats what stood in an id's place.

    principals:
      key_0123456789abcdef0123: {org: acme, tags: [batch], since: 2026-01-31}
    orgs:
      acme: {tier: enterprise, tags: [contract]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from gateway.config import Section, single_document, validated
from gateway.errors import ConfigError, Place
from gateway.strict_yaml import Document
from gateway.words import suggest

_ID = re.compile(r"(?:key|hdr|ip)_[0-9a-f]{20}")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one principal, its organisation's part included."""

    org: str | None = None
    tier: str | None = None
    """The principal's own, else its organisation's."""
    tags: tuple[str, ...] = ()
    """Its own and its organisation's, sorted."""
    since: float | None = None
    """Midnight UTC of the day on which the account began, in seconds since the epoch."""


NOBODY = Known()
"""What is known of a principal that the file does not name."""


_OR_EMPTY = BeforeValidator(lambda value: {} if value is None else value)
"""`acme:` with nothing behind it is an entry without particulars."""


class OrgEntry(Section):
    """One organisation."""

    tier: str | None = None
    tags: tuple[str, ...] = ()


class PrincipalEntry(OrgEntry):
    """One principal."""

    org: str | None = None
    since: date | None = None


class MappingFile(Section):
    """The whole file."""

    principals: Annotated[dict[str, Annotated[PrincipalEntry, _OR_EMPTY]], _OR_EMPTY] = Field(
        default_factory=dict
    )
    orgs: Annotated[dict[str, Annotated[OrgEntry, _OR_EMPTY]], _OR_EMPTY] = Field(default_factory=dict)


def load_mapping(path: Path | None) -> Mapping[str, Known]:
    """What is known, by principal id; nothing without a file. Raises ConfigError with every mistake."""
    if path is None:
        return {}
    document = single_document(path)
    problems = _wrong_ids(document)
    if problems:
        raise ConfigError(problems)
    file = validated(document, MappingFile)
    for name, entry in file.principals.items():
        if entry.org is not None and entry.org not in file.orgs:
            place = document.place(("principals", name, "org"))
            problems.append((place, f"unknown organisation '{entry.org}'{suggest(entry.org, file.orgs)}"))
    if problems:
        raise ConfigError(problems)
    return {name: _known(entry, file.orgs) for name, entry in file.principals.items()}


def _wrong_ids(document: Document) -> list[tuple[Place, str]]:
    principals = document.value.get("principals") if isinstance(document.value, dict) else None
    if not isinstance(principals, dict):
        return []
    message = "principals: an id is key_, hdr_ or ip_ and 20 hex digits, as in decision records; never a key"
    return [
        (document.place(("principals", name), key=True), message)
        for name in principals
        if not _ID.fullmatch(name)
    ]


def _known(entry: PrincipalEntry, orgs: Mapping[str, OrgEntry]) -> Known:
    org = OrgEntry() if entry.org is None else orgs[entry.org]
    since = None if entry.since is None else datetime.combine(entry.since, time(), UTC).timestamp()
    return Known(entry.org, entry.tier or org.tier, tuple(sorted({*entry.tags, *org.tags})), since)

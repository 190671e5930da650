"""The texts of a data set: JSON Lines, JSON, CSV with a line of names, or plain text, packed or not.

What belongs here is only getting at the texts, one at a time and with places for what is wrong. JSON is told
by its first byte, CSV by the name of its file, because any text may have commas. Recorded traffic is another
matter (`gateway.traffic`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any

import msgspec

from gateway.errors import ConfigError, Place
from gateway.packed import BROKEN, opened, reason
from gateway.readers.tables import columns, rows
from gateway.readers.values import BrokenTextError
from gateway.words import quote, suggest

_Rows = Iterator[tuple[int, Mapping[str, Any]]]


def texts(files: Iterable[Path], fields: Sequence[str]) -> Iterator[str]:
    """Each item's `fields`, joined by newlines, or each line of plain text; empty ones are left out.

    Raises ConfigError at a row that lacks a field or has something other than text there.
    """
    for file in files:
        try:
            with opened(file) as raw:
                yield from _texts(file, raw, fields)
        except BROKEN as error:
            raise ConfigError.at(Place(str(file)), f"cannot be read: {reason(error)}") from None
        except BrokenTextError as error:
            raise ConfigError.at(Place(str(file), error.line, 1), str(error)) from None
        except UnicodeDecodeError:
            raise ConfigError.at(Place(str(file)), "not UTF-8") from None


def _texts(file: Path, raw: IO[bytes], fields: Sequence[str]) -> Iterator[str]:
    first = raw.readline()
    if first.lstrip()[:1] in (b"{", b"["):
        found = _json(file, first, raw)
    elif {".csv", ".tsv"}.intersection(file.suffixes):
        found = _table(file, first, raw, fields)
    else:
        for line in chain((first,), raw):
            if text := line.decode().strip():
                yield text
        return
    for line_number, row in found:
        place = Place(str(file), line_number, 1)
        if text := "\n".join(filter(None, (_field(row, name, place) for name in fields))):
            yield text


def _json(file: Path, first: bytes, raw: IO[bytes]) -> _Rows:
    """Of a list the place is where it begins: nothing tells on which line its items stand."""
    listed = first.lstrip().startswith(b"[")
    number = 0
    try:
        if listed:
            yield from (
                (1, row) for row in msgspec.json.decode(first + raw.read(), type=list[dict[str, Any]])
            )
            return
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        for number, line in enumerate(chain((first,), raw), 1):
            if line.strip():
                yield number, decode(line)
    except msgspec.DecodeError as error:
        what = "a JSON list of objects" if listed else "a JSON object"
        raise ConfigError.at(Place(str(file), number or 1, 1), f"not {what}: {error}") from None


def _table(file: Path, first: bytes, raw: IO[bytes], fields: Sequence[str]) -> _Rows:
    """The rows, with the cells that are empty."""
    _, names = columns(first)
    for name in fields:
        _known(name, names, Place(str(file), 1, 1))
    return ((number, dict.fromkeys(fields, "") | row) for number, row in rows(first, raw))


def _known(name: str, names: Collection[str], place: Place) -> None:
    if name not in names:
        known = ", ".join(map(quote, sorted(names))) or "nothing"
        raise ConfigError.at(place, f"no field {quote(name)}{suggest(name, names)}: there is {known}")


def _field(row: Mapping[str, Any], name: str, place: Place) -> str:
    _known(name, row, place)
    value = row[name]
    if value is not None and not isinstance(value, str):
        raise ConfigError.at(place, f"field {quote(name)} is {type(value).__name__}, not text")
    return value or ""

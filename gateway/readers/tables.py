"""Tables as text: exports of databases as CSV, with a first line that names the columns.

The separator is told by that line. JSON inside cells stays text here; empty cells are left out, because
CSV knows no other way to say that there is nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from gateway.readers.values import BrokenTextError

_SEPARATORS = (",", ";", "\t")
_LONGEST_NAMES = 1 << 16
_LONGEST_CELL = 1 << 28
"""Bytes of one cell. The library refuses more than 128 KiB, and conversations are longer."""


def columns(line: bytes) -> tuple[str, frozenset[str]]:
    """Separator and column names in the first line of a file; a single name is no table."""
    text = line[:_LONGEST_NAMES].decode("utf-8-sig", "replace").strip("\r\n")
    separator = max(_SEPARATORS, key=text.count)
    names = [name.strip('"') for name in text.split(separator)]
    return separator, frozenset(names) if len(names) > 1 else frozenset()


def rows(first: bytes, file: Iterable[bytes]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows after the line of names, each with the line on which it begins. Raises BrokenTextError."""
    separator, _ = columns(first)
    (names,) = csv.reader([first.decode("utf-8-sig")], delimiter=separator)
    table = csv.reader((line.decode("utf-8") for line in file), delimiter=separator, strict=True)
    begin = 2
    # The limit is the whole process's, and other tables have no such cells.
    usual = csv.field_size_limit(_LONGEST_CELL)
    try:
        for cells in table:
            if len(cells) not in (0, len(names)):
                message = f"{len(cells)} cells where the first line names {len(names)} columns"
                raise BrokenTextError(begin, message)
            if cells:
                yield begin, {name: cell for name, cell in zip(names, cells, strict=True) if cell}
            begin = table.line_num + 2
    except csv.Error as error:
        raise BrokenTextError(begin, f"not CSV: {error}") from None
    finally:
        csv.field_size_limit(usual)

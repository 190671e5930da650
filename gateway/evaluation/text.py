"""Sections for a terminal and for a pull request: `rich` tables, and Markdown. Words come from `sections`."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from gateway.evaluation.sections import Section, Table

WIDTH = 140


def text(lines: Sequence[str], parts: Sequence[Section], footer: Sequence[str] = ()) -> str:
    """For a terminal: `lines` above, the sections, `footer` below."""
    out = io.StringIO()
    console = Console(file=out, width=WIDTH, highlight=False)
    for line in lines:
        console.print(Text(line))
    for part in parts:
        console.print(Text(f"\n{part.title}", style="bold"))
        console.print(Text(part.lead))
        for table in part.tables:
            console.print(_rich(table))
        for note in part.notes:
            console.print(Text(note))
    for line in footer:
        console.print(Text(f"\n{line}"))
    return out.getvalue()


def _rich(table: Table) -> RichTable:
    made = RichTable()
    for at, head in enumerate(table.heads):
        made.add_column(Text(head), justify="left" if at in table.words else "right", overflow="fold")
    for row in table.rows:
        # As text: names are the client's or the recorder's, and may look like markup.
        made.add_row(*map(Text, row))
    return made


def markdown(title: str, lines: Sequence[str], parts: Sequence[Section], footer: Sequence[str] = ()) -> str:
    """For a pull request or a wiki."""
    return "\n\n".join(_paragraphs(title, lines, parts, footer)) + "\n"


def _paragraphs(
    title: str, lines: Iterable[str], parts: Iterable[Section], footer: Iterable[str]
) -> Iterator[str]:
    yield f"## {_plain(title)}"
    yield from map(_plain, lines)
    for part in parts:
        yield f"### {_plain(part.title)}"
        yield _plain(part.lead)
        yield from ("\n".join(_pipes(table)) for table in part.tables)
        if part.notes:
            yield "\n".join(f"- {_plain(note)}" for note in part.notes)
    yield from (f"_{_plain(line)}_" for line in footer)


def _pipes(table: Table) -> Iterator[str]:
    yield _row(table.heads)
    yield "|" + "|".join(":--" if at in table.words else "--:" for at in range(len(table.heads))) + "|"
    yield from map(_row, table.rows)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(value: str) -> str:
    """Text that Markdown shows as it is: a principal may be named `<img>`, `a|b` or `[x](y)`."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#&~" else sign for sign in " ".join(value.split()))

"""The tables that benchmarks print: what they say is theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """The first column is words, all others are numbers."""
    made = Table(title=title, title_justify="left")
    for at, head in enumerate(heads):
        made.add_column(head, justify="right" if at else "left")
    for row in rows:
        made.add_row(*row)
    return made

"""The words of conditions as a table and as JSON; what they mean is kept in `gateway.fields`."""

from __future__ import annotations

import io
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from gateway.authoring.condition_schema import MEANING
from gateway.conditions import OPERATORS
from gateway.fields import Field


def text(fields: Sequence[Field]) -> str:
    """Two tables: the fields, and the operators that fit their kinds."""
    out = io.StringIO()
    console = Console(file=out, width=120)
    table = Table("field", "kind", "late", "meaning")
    for field in fields:
        values = f": {', '.join(field.choices)}" if field.choices else ""
        table.add_row(field.name, field.kind, "late" if field.late else "", f"{field.doc}{values}")
    console.print(table)
    operators = Table("operator", "of", "holds if the field is")
    for name, meaning in MEANING.items():
        kinds = [kind for kind, names in OPERATORS.items() if name in names]
        if any(field.kind in kinds for field in fields):
            operators.add_row(name, ", ".join(kinds), meaning)
    console.print(operators)
    return out.getvalue()


def as_json(fields: Sequence[Field]) -> str:
    """`{fields: [{name, kind, late, meaning, values, operators}], operators: {name: meaning}}`."""
    document = {
        "fields": [
            {
                "name": field.name,
                "kind": field.kind,
                "late": field.late,
                "meaning": field.doc,
                "values": list(field.choices),
                "operators": OPERATORS[field.kind],
            }
            for field in fields
        ],
        "operators": MEANING,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"

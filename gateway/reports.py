"""Reports as text for a terminal; the JSON forms are the stable interfaces, these are for reading."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

SHOWN = 15
"""Principals listed by name: those with the highest scores."""


def _kind(truth: str | None) -> str:
    return truth.partition(":")[0] if truth else "unlabelled"


def _rungs(document: dict[str, Any]) -> Table:
    principals = document["principals"].values()
    kinds = sorted({_kind(principal["truth"]) for principal in principals})
    heads = ("rung reached", "track", "principals", *map(escape, kinds), "requests")
    table = Table(*heads, title="Would have fired")
    for rung, counts in document["rungs"].items():
        for track in ("enforced", "shadow"):
            reached = Counter(_kind(p["truth"]) for p in principals if rung in p["rungs"][track])
            cells = [str(reached[kind]) for kind in kinds]
            count = counts[track]
            table.add_row(rung, track, str(count["principals"]), *cells, str(count["requests"]))
    return table


def _principals(document: dict[str, Any]) -> Table:
    table = Table("principal", "truth", "requests", "shadow", "enforced", "why", title="Highest scores")
    scored = [item for item in document["principals"].items() if any(item[1]["peak"].values())]
    ranked = sorted(scored, key=lambda item: (-item[1]["peak"]["shadow"], item[0]))
    for name, principal in ranked[:SHOWN]:
        peak = principal["peak"]
        why = "; ".join(f"{reason['signal']} {reason['points']:.0f}" for reason in principal["reasons"][:3])
        table.add_row(
            # As text: names are the client's or the recorder's, and may look like markup.
            Text(name),
            Text(principal["truth"] or ""),
            str(principal["requests"]),
            f"{peak['shadow']:.1f}",
            f"{peak['enforced']:.1f}",
            why,
        )
    return table


def _signals(document: dict[str, Any]) -> str:
    """What the input lets the signals measure: all of them named but those that are as they should be."""
    signals = document["signals"]
    names = {state: signals[state] for state in ("re_evaluable", "frozen", "blind")}
    lines = [f"re-evaluable: {len(names['re_evaluable'])}/{sum(map(len, names.values()))} signals"]
    for state, meaning in (
        ("frozen", "as recorded; ramps, points and modes apply, windows and patterns do not"),
        ("blind", "the input lacks what they read"),
    ):
        if names[state]:
            lines.append(f"{state} ({meaning}): {', '.join(names[state])}")
    for name, count in signals["partly_blind"].items():
        lines.append(f"blind on {count:,} of {document['requests']:,} requests: {name}")
    return "\n".join(lines)


def replay_text(document: dict[str, Any]) -> str:
    """The replay report as two tables and a closing line."""
    out = io.StringIO()
    console = Console(file=out, width=120)
    console.print(_rungs(document))
    console.print(_principals(document))
    console.print(
        f"bundle {document['bundle']} · {document['requests']:,} requests · "
        f"{len(document['principals']):,} principals · {document['seconds']:.1f} s"
    )
    console.print(escape(_signals(document)))
    console.print(
        "Behaviour was held fixed: real throttling makes clients slow down, retry or move accounts."
    )
    return out.getvalue()

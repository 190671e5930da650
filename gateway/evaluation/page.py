"""The report as one HTML page: self-contained, readable offline, in light and dark, and on paper.

A template of a few functions: text comes from `sections`, drawings from `charts`, and everything that is not
of this module is escaped. The page has no script, and its policy (CSP) forbids every request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

from gateway.evaluation.cases import HOUR, KINDS
from gateway.evaluation.charts import (
    Bar,
    Interval,
    Mark,
    Series,
    bars,
    columns,
    intervals,
    legend,
    lines,
)
from gateway.evaluation.confusion import Confusion
from gateway.evaluation.readiness import Card
from gateway.evaluation.report import Report
from gateway.evaluation.sections import Section, Table, bounded, headline, percent, sections, when
from gateway.evaluation.style import STYLE

BAND = 5
"""Points per column of the histogram of scores."""
COLUMNS = 84
"""Columns of the activity chart at most: one per two hours of a week."""
SIGNALS = 14
"""Rows of a chart of signals or principals at most."""
LONG = 36
"""Characters from which a cell is broken into lines."""

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
"""


def page(made: Report, footer: Sequence[str], *, title: str = "Would have fired") -> str:
    """The whole page."""
    parts = sections(made)
    drawn: Mapping[str, Callable[[Report], str]] = _DRAWINGS
    body = [
        _HEAD.format(title=escape(f"{title}: {made.period.policies}"), style=STYLE),
        "<body>\n",
        _nav(parts),
        _header(made, title),
        "<main>\n",
        _tiles(made),
        _activity(made),
        *(_section(part, drawn[part.id](made) if part.id in drawn else "") for part in parts),
        "</main>\n<footer>\n",
        *(f"<p>{escape(line)}</p>\n" for line in footer),
        "</footer>\n</body>\n</html>\n",
    ]
    return "".join(body)


def _header(made: Report, title: str) -> str:
    told = "".join(f"<p>{escape(line)}</p>" for line in headline(made)[:2])
    return f"<header><div><h1>{escape(title)}</h1>{told}</div></header>\n"


def _nav(parts: Sequence[Section]) -> str:
    links = "".join(f'<a href="#{escape(part.id)}">{escape(part.title)}</a>' for part in parts)
    return f'<nav aria-label="Parts"><div>{links}</div></nav>\n'


def _tiles(made: Report) -> str:
    action = next(row for row in made.precision_by_rung if row.what == made.action)
    leak = next(row for row in made.times if row.rung == made.action)
    ready = sum(card.ready for card in made.readiness)
    hits = action.right.of + action.unlabelled
    found = (
        (f"{hits:,}", f"principals would be at {made.action} or above"),
        (
            _bound(action.benign.upper, action.benign.of),
            f"of benign principals hit, {action.benign.hits:,} of {action.benign.of:,} seen",
        ),
        (
            percent(action.caught.rate),
            f"of extraction caught, {action.caught.hits:,} of {action.caught.of:,}",
        ),
        (f"{leak.requests.p50:,.0f}" if leak.principals else "–", f"requests (median) before {made.action}"),  # noqa: RUF001
        (f"{ready:,} of {len(made.readiness):,}", "policies ready for their first 5%"),
    )
    tiles = "".join(
        f'<div class="tile"><b>{escape(number)}</b><span>{escape(text)}</span></div>'
        for number, text in found
    )
    return f'<div class="tiles">{tiles}</div>\n'


def _bound(upper: float, of: int) -> str:
    return f"≤ {percent(upper)}" if of else "unknown"


def _section(part: Section, drawing: str) -> str:
    # Cards and the matrix stand in place of their table.
    tables = part.tables
    if part.id == "readiness":
        tables = ()
    elif part.id == "confusion":
        tables = tables[1:]
    notes = "".join(f"<li>{escape(note)}</li>" for note in part.notes)
    return (
        f'<section id="{escape(part.id)}"><h2>{escape(part.title)}</h2>'
        f'<p class="lead">{escape(part.lead)}</p>{_drawn(drawing)}{"".join(map(_table, tables))}'
        + (f'<ul class="notes">{notes}</ul>' if notes else "")
        + "</section>\n"
    )


def _drawn(drawing: str) -> str:
    """A drawing in a box of its own, in which it can be moved on a small screen."""
    return f'<div class="drawing">{drawing}</div>' if drawing else ""


def _table(table: Table) -> str:
    def cells(row: Sequence[str], tag: str) -> Iterator[str]:
        for at, cell in enumerate(row):
            kind = " long" if len(cell) > LONG else ""
            kind = f' class="word{kind}"' if at in table.words else ""
            yield f"<{tag}{kind}>{escape(cell)}</{tag}>"

    rows = "".join(f"<tr>{''.join(cells(row, 'td'))}</tr>" for row in table.rows)
    head = f"<thead><tr>{''.join(cells(table.heads, 'th'))}</tr></thead>"
    return f'<div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div>'


# --- drawings ------------------------------------------------------------------------------------------


def _activity(made: Report) -> str:
    """Calls over time, in equal spans, those on a rung in another colour."""
    if not made.period.activity:
        return ""
    first, last = made.period.activity[0][0], made.period.activity[-1][0]
    width = -(-(last - first + 1) // COLUMNS)
    count = -(-(last - first + 1) // width)
    totals = [[0, 0] for _ in range(count)]
    for hour, calls, standing in made.period.activity:
        totals[(hour - first) // width][0] += calls
        totals[(hour - first) // width][1] += standing
    starts = [when((first + at * width) * HOUR) for at in range(count)]
    rows = [
        Bar(start, (("standing", float(standing)), ("calm", float(calls - standing))))
        for start, (calls, standing) in zip(starts, totals, strict=True)
    ]
    every = max(1, count // 7)
    names = [start[5:10] if at % every == every // 2 else "" for at, start in enumerate(starts)]
    drawing = columns("Requests over time", rows, names)
    found = legend([("standing", "on a rung"), ("calm", "below every rung")])
    return (
        '<section id="activity"><h2>Requests over time</h2><p class="lead">Calls per '
        f"{'hour' if width == 1 else f'{width} hours'}, UTC.</p>{_drawn(drawing + found)}</section>\n"
    )


_KIND_LEGEND = legend([(kind, kind) for kind in KINDS])


def _reached(made: Report) -> str:
    rows = [
        Bar(f"{row.rung} (at {row.at:g})", tuple((kind, row.principals[kind]) for kind in KINDS))
        for row in made.reached
    ]
    return bars("Principals on each rung or above", rows) + _KIND_LEGEND


def _histogram(made: Report) -> str:
    bands = 100 // BAND
    counts = [dict.fromkeys(KINDS, 0.0) for _ in range(bands)]
    for found in made.suspects:
        counts[min(int(found.peak // BAND), bands - 1)][found.kind] += 1
    rows = [
        Bar(f"{at * BAND} to {(at + 1) * BAND} points", tuple(count.items()))
        for at, count in enumerate(counts)
    ]
    names = [f"{at * BAND}" if at % 2 == 0 else "" for at in range(bands)]
    marks = [Mark(row.at / BAND, row.rung) for row in made.reached]
    return columns("Highest shadow score of each principal that scored", rows, names, marks)


def _signals(made: Report) -> str:
    rows = [
        Bar(row.id, tuple((kind, row.principals[kind]) for kind in KINDS))
        for row in made.signals[:SIGNALS]
        if row.requests
    ]
    return bars("Principals to whom each signal gave points", rows) + _KIND_LEGEND if rows else ""


def _matrix(made: Report) -> str:
    return matrix(made.confusion)


def matrix(found: Confusion) -> str:
    """The confusion matrix as a heat map: orange is worse, blue is better."""
    most = max((sum(map(len, (cell.principals,))) for cell in found.moved), default=1)
    heads = "".join(f"<th>{escape(name)}</th>" for name in found.rungs)
    rows = []
    for row, (name, counts) in enumerate(zip(found.rungs, found.counts, strict=True)):
        cells = []
        for column, count in enumerate(counts):
            # A square root, so that one principal can still be seen beside a hundred.
            depth = 15 + 65 * (count / most) ** 0.5 if count and row != column else 0
            kind = "up" if column > row else "down" if column < row else "same"
            cells.append(
                f'<td class="{kind}" style="--depth:{depth:.0f}%">{count:,}</td>' if count else "<td></td>"
            )
        rows.append(f'<tr><th class="word">{escape(name)}</th>{"".join(cells)}</tr>')
    corner = f'<th class="word">{escape(found.before)} ↓ &nbsp; {escape(found.after)} →</th>'
    table = f"<thead><tr>{corner}{heads}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll"><table class="matrix">{table}</table></div>'


def _costs(made: Report) -> str:
    rows = [
        Interval(
            row.rung,
            row.principals.low,
            row.principals.rate or 0.0,
            row.principals.high,
            bounded(row.principals),
        )
        for row in made.costs
        if row.principals.of
    ]
    if not rows:
        return ""
    title = "Share of benign principals on each rung or above, with its exact 95% interval"
    return intervals(title, rows, made.tuning.max_benign) + legend(
        [("benign", title + "; dashed: the limit")]
    )


def _thresholds(made: Report) -> str:
    rows = made.tuning.rows
    known = (
        ("extraction", "caught", rows[0].caught.of),
        ("benign", "bound on benign hits", rows[0].benign.of),
    )
    values = {
        "extraction": tuple(row.caught.rate or 0.0 for row in rows),
        "benign": tuple(row.benign.upper for row in rows),
    }
    series = [Series(kind, name, values[kind]) for kind, name, of in known if of]
    if not series:
        return ""
    drawing = lines(
        f"Caught and benign hits by threshold of {made.tuning.rung}",
        [row.at for row in rows],
        series,
        [Mark(made.tuning.now, "now")],
    )
    return drawing + legend([(one.kind, one.name) for one in series])


def _leaks(made: Report) -> str:
    leak = next(row for row in made.times if row.rung == made.action)
    rows = [Bar(found.id, (("extraction", float(found.requests)),)) for found in leak.principals[:SIGNALS]]
    return bars(f"Requests answered before {made.action}, by principal", rows) if rows else ""


def _readiness(made: Report) -> str:
    return f'<div class="cards">{"".join(map(_card, made.readiness))}</div>'


def _card(card: Card) -> str:
    badge = (
        '<span class="badge ready">ready for 5%</span>'
        if card.ready
        else '<span class="badge">not yet</span>'
    )
    missing = "".join(f"<li>needs {escape(word)}</li>" for word in card.missing)
    gaps = f", {card.gaps:,} known gaps" if card.gaps else ""
    told = (
        f"{card.mode}, {card.days:.1f} days, benign {bounded(card.benign)}, "
        f"{card.labelled:,} of {card.hits:,} hits labelled, {card.tests:,} tests{gaps}"
    )
    return (
        f'<div class="card">{badge}<h3>{escape(card.policy)}</h3><p>{escape(told)}</p>'
        + (f"<ul>{missing}</ul>" if missing else "")
        + "</div>"
    )


_DRAWINGS: Mapping[str, Callable[[Report], str]] = {
    "reached": _reached,
    "principals": _histogram,
    "signals": _signals,
    "confusion": _matrix,
    "cost": _costs,
    "thresholds": _thresholds,
    "time": _leaks,
    "readiness": _readiness,
}

"""Charts as inline SVG: bars, intervals, dots and lines, coloured by the page's style sheet.

Pure text out of numbers. No script, no font, no image: a chart is part of the page and prints as it looks.
Every text is escaped here; colours are classes (`benign`, `extraction`, …), so that light and dark need no
second drawing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 1040.0
_LABEL = 210.0
"""Width of the column of names on the left of horizontal charts."""
_ROW = 26.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A name and its parts: (class, amount)."""

    name: str
    parts: tuple[tuple[str, float], ...]

    @property
    def total(self) -> float:
        """All parts."""
        return sum(amount for _, amount in self.parts)


@dataclass(frozen=True, slots=True)
class Interval:
    """A name, a point and its whiskers; `text` stands behind it."""

    name: str
    low: float
    at: float
    high: float
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line at a position, with its name."""

    at: float
    name: str


def _svg(title: str, height: float, body: Iterable[str]) -> str:
    name = escape(title)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{name}">'
        f"<title>{name}</title>{''.join(body)}</svg>"
    )


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, kind: str, title: str) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.0):.1f}" height="{height:.1f}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _short(name: str, length: int = 30) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}…"


def ticks(most: float, count: int = 4) -> list[float]:
    """Round numbers from 0 to at least `most`, about `count` steps apart; 0 and 1 for nothing."""
    if most <= 0:
        return [0.0, 1.0]
    raw = most / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))
    return [step * at for at in range(math.ceil(most / step - 1e-9) + 1)]


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Horizontal stacked bars, one row each, with the total behind."""
    most = max((row.total for row in rows), default=0.0) or 1.0
    room = WIDTH - _LABEL - 60
    body: list[str] = []
    for at, row in enumerate(rows):
        y = at * _ROW + 4
        body.append(_text(_LABEL - 10, y + 13, _short(row.name), "name"))
        x = _LABEL
        body.append(_rect(x, y, room, 18, "track", row.name))
        for kind, amount in row.parts:
            width = room * amount / most
            if amount:
                body.append(_rect(x, y, max(width, 2.0), 18, kind, f"{row.name}: {amount:,.0f} {kind}"))
            x += width
        body.append(_text(_LABEL + room + 10, y + 13, f"{row.total:,.0f}", "number"))
    return _svg(title, len(rows) * _ROW + 8, body)


def intervals(title: str, rows: Sequence[Interval], limit: float | None = None) -> str:
    """Points with whiskers on a scale of percent; `limit` is drawn as a line."""
    scale = ticks(100 * max([*(row.high for row in rows), limit or 0.0]))
    room, height = WIDTH - _LABEL - 150, len(rows) * _ROW

    def x(share: float) -> float:
        return _LABEL + room * 100 * share / scale[-1]

    body = []
    for tick in scale:
        body.append(_line(x(tick / 100), 0, x(tick / 100), height, "grid"))
        body.append(_text(x(tick / 100), height + 15, f"{tick:g}%", "tick"))
    for at, row in enumerate(rows):
        y = at * _ROW + _ROW / 2
        body.append(_text(_LABEL - 10, y + 4, _short(row.name), "name"))
        body.append(_line(x(row.low), y, x(row.high), y, "whisker"))
        body.append(f'<circle class="point" cx="{x(row.at):.1f}" cy="{y:.1f}" r="4.5"/>')
        body.append(_text(_LABEL + room + 14, y + 4, row.text, "number"))
    if limit is not None:
        body.append(_line(x(limit), 0, x(limit), height, "limit"))
    return _svg(title, height + 22, body)


def columns(title: str, rows: Sequence[Bar], names: Sequence[str], marks: Sequence[Mark] = ()) -> str:
    """Vertical stacked bars side by side; `names` stand below some of them, `marks` at 0…len(rows)."""
    left, top, height = 46.0, 18.0, 150.0
    scale = ticks(max((row.total for row in rows), default=0.0))
    step = (WIDTH - left - 10) / max(1, len(rows))
    body = []
    for tick in scale:
        y = top + height * (1 - tick / scale[-1])
        body.append(_line(left, y, WIDTH - 10, y, "grid"))
        body.append(_text(left - 8, y + 4, f"{tick:,g}", "name"))
    for at, row in enumerate(rows):
        y = top + height
        for kind, amount in row.parts:
            tall = height * amount / scale[-1]
            if amount:
                tall = max(tall, 1.5)
                title_of = f"{row.name}: {amount:,.0f} {kind}"
                body.append(
                    _rect(left + at * step + step * 0.08, y - tall, step * 0.84, tall, kind, title_of)
                )
            y -= tall
        if names[at]:
            body.append(_text(left + (at + 0.5) * step, top + height + 16, names[at], "tick"))
    for mark in marks:
        x = left + mark.at * step
        body.append(_line(x, top - 4, x, top + height, "limit"))
        body.append(_text(x, top - 8, mark.name, "tick"))
    return _svg(title, top + height + 24, body)


@dataclass(frozen=True, slots=True)
class Series:
    """A line over shared positions: values 0…1, in percent on the scale."""

    kind: str
    name: str
    values: tuple[float, ...]


def lines(title: str, at: Sequence[float], series: Sequence[Series], marks: Sequence[Mark] = ()) -> str:
    """Lines on a scale of percent over the positions `at`, with dots."""
    left, top, height = 56.0, 18.0, 160.0
    scale = ticks(100 * max((value for one in series for value in one.values), default=0.0))
    low, high = min(at), max(at)

    def x(position: float) -> float:
        return left + (WIDTH - left - 30) * ((position - low) / (high - low) if high > low else 0.5)

    def y(share: float) -> float:
        return top + height * (1 - 100 * share / scale[-1])

    body = []
    for tick in scale:
        body.append(_line(left, y(tick / 100), WIDTH - 20, y(tick / 100), "grid"))
        body.append(_text(left - 8, y(tick / 100) + 4, f"{tick:g}%", "name"))
    body += [_text(x(position), top + height + 16, f"{position:g}", "tick") for position in at]
    for mark in marks:
        body.append(_line(x(mark.at), top - 4, x(mark.at), top + height, "limit"))
        body.append(_text(x(mark.at), top - 8, mark.name, "tick"))
    for one in series:
        points = [(x(position), y(value)) for position, value in zip(at, one.values, strict=True)]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        body.append(f'<polyline class="line {one.kind}" points="{path}"/>')
        for (px, py), value in zip(points, one.values, strict=True):
            name = escape(f"{one.name}: {100 * value:.3g}%")
            dot = f'<circle class="dot {one.kind}" cx="{px:.1f}" cy="{py:.1f}" r="4">'
            body.append(f"{dot}<title>{name}</title></circle>")
    return _svg(title, top + height + 24, body)


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Coloured squares with names, as HTML: (class, name)."""
    found = "".join(f'<span><i class="{kind}"></i>{escape(name)}</span>' for kind, name in entries)
    return f'<p class="legend">{found}</p>'

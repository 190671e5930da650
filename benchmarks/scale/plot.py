"""The curves as one SVG picture: a panel each, both scales in powers of ten."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.scale.laws import Curve
from benchmarks.side_by_side.plot import decades

WIDTH, HEIGHT, LEFT, TOP, GAP, COLUMNS = 360.0, 240.0, 56.0, 40.0, 36.0, 2
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.head{font-weight:600}.tick{fill:#777;font-size:11px}"
    ".grid{stroke:#ddd}.line{fill:none;stroke:#2563eb;stroke-width:2}.dot{fill:#2563eb}"
)


def plot(curves: Sequence[Curve]) -> str:
    """The whole picture."""
    rows = -(-len(curves) // COLUMNS)
    width, height = COLUMNS * WIDTH, rows * HEIGHT
    body: list[str] = []
    for at, curve in enumerate(curves):
        body += _panel(curve, at % COLUMNS * WIDTH, at // COLUMNS * HEIGHT)
    title = "Growth of cost and memory"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">'
        f"<title>{title}</title><style>{_STYLE}</style>"
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>{"".join(body)}</svg>\n'
    )


def _panel(curve: Curve, left: float, top: float) -> Iterator[str]:
    xs, ys = decades([p.x for p in curve.points]), decades([p.y for p in curve.points])
    inner = (left + LEFT, top + TOP, left + WIDTH - 24, top + HEIGHT - GAP)

    def place(x: float, y: float) -> tuple[float, float]:
        along = (math.log10(x) - xs[0]) / (xs[1] - xs[0])
        up = (math.log10(y) - ys[0]) / (ys[1] - ys[0])
        return inner[0] + along * (inner[2] - inner[0]), inner[3] - up * (inner[3] - inner[1])

    yield _text(left + 8, top + 18, f"{curve.y}: {curve.law} ({curve.exponent:.2f})", "head")
    yield _text((inner[0] + inner[2]) / 2, inner[3] + 30, curve.x, "tick", "middle")
    for power in range(xs[0], xs[1] + 1):
        x, _ = place(10.0**power, 10.0 ** ys[0])
        yield f'<line class="grid" x1="{x:.1f}" y1="{inner[1]:.1f}" x2="{x:.1f}" y2="{inner[3]:.1f}"/>'
        yield _text(x, inner[3] + 15, f"{10.0**power:g}", "tick", "middle")
    for power in range(ys[0], ys[1] + 1):
        _, y = place(10.0 ** xs[0], 10.0**power)
        yield f'<line class="grid" x1="{inner[0]:.1f}" y1="{y:.1f}" x2="{inner[2]:.1f}" y2="{y:.1f}"/>'
        yield _text(inner[0] - 6, y + 4, f"{10.0**power:g}", "tick", "end")
    places = [place(point.x, point.y) for point in curve.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline class="line" points="{path}"/>'
    yield from (f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places)


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'

"""The costs as one SVG picture: a panel per load, a bar per target, on a scale of powers of ten.

The charts of the report page have linear scales; between nginx and LiteLLM lie three powers of ten.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from benchmarks.side_by_side.figures import Figures
from benchmarks.side_by_side.scenarios import Scenario
from benchmarks.side_by_side.targets import Target

WIDTH, ROW, LEFT, RIGHT, HEAD, FOOT = 760.0, 22.0, 150.0, 70.0, 34.0, 22.0
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.head{font-weight:600}.tick{fill:#777;font-size:11px}"
    ".grid{stroke:#ddd}.peer{fill:#9aa5b1}.ours{fill:#2563eb}"
)


def plot(figures: Figures, scenarios: Iterable[Scenario], targets: Sequence[Target]) -> str:
    """The whole picture."""
    y = 0.0
    body: list[str] = []
    for scenario in scenarios:
        costs = [(own, figures.cell(own.name, scenario.name).cost) for own in targets]
        rows = [(own, cost) for own, cost in costs if cost]
        if rows:
            body += _panel(scenario, rows, y)
            y += HEAD + len(rows) * ROW + FOOT
    title = "CPU time by proxy and load"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {y:g}" role="img">'
        f"<title>{title}</title><style>{_STYLE}</style>"
        f'<rect width="{WIDTH:g}" height="{y:g}" fill="#fff"/>{"".join(body)}</svg>\n'
    )


def decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten below and above all values, at least one apart."""
    low = math.floor(math.log10(min(values)))
    return low, max(low + 1, math.ceil(math.log10(max(values))))


def _panel(scenario: Scenario, rows: Sequence[tuple[Target, float]], top: float) -> Iterator[str]:
    low, high = decades([cost for _, cost in rows])
    room = WIDTH - LEFT - RIGHT

    def x(value: float) -> float:
        return LEFT + room * (math.log10(value) - low) / (high - low)

    unit = "event" if scenario.stream else "request"
    yield _text(8, top + 18, f"{scenario.name}: CPU µs per {unit} ({scenario.about})", "head")
    bottom = top + HEAD + len(rows) * ROW
    for power in range(low, high + 1):
        at = x(10.0**power)
        yield f'<line class="grid" x1="{at:.1f}" y1="{top + HEAD - 6:.1f}" x2="{at:.1f}" y2="{bottom:.1f}"/>'
        yield _text(at, bottom + 13, f"{10.0**power:g}", "tick", "middle")
    for at, (target, cost) in enumerate(rows):
        y = top + HEAD + at * ROW
        kind = "ours" if target.ours else "peer"
        yield _text(LEFT - 8, y + 13, target.name, "", "end")
        # A scale of powers has no zero: bars begin at the lowest power shown.
        width = max(x(cost) - LEFT, 1.0)
        yield f'<rect class="{kind}" x="{LEFT:g}" y="{y:.1f}" width="{width:.1f}" height="{ROW - 6:g}"/>'
        yield _text(x(cost) + 6, y + 13, f"{cost:,.0f}" if cost >= 100 else f"{cost:.3g}")


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'

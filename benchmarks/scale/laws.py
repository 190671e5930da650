"""Points of a curve, and the name of its growth: pure arithmetic.

On two logarithmic scales a power of x is a straight line whose slope is the exponent. A cost that begins
with a fixed part is flat first, so the law is named by the last part of the curve, where x has grown most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

CONSTANT, LINEAR, STEEPER = 0.15, 0.85, 1.15
"""Exponents that part the laws; measurements of one run differ by a tenth."""
SPAN = 30.0
"""The last part of a curve is that over which x grows by this factor."""


class Point(msgspec.Struct, frozen=True):
    """One measurement."""

    x: float
    y: float


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, against what, and what is wanted of it."""

    name: str
    x: str
    y: str
    wanted: str
    points: tuple[Point, ...]

    @property
    def exponent(self) -> float:
        """The exponent of the last part of the curve."""
        last = self.points[-1].x
        return exponent([point for point in self.points if point.x * SPAN >= last])

    @property
    def law(self) -> str:
        """The growth in a word."""
        return named(self.exponent)

    @property
    def good(self) -> bool:
        """Whether it grows no faster than wanted."""
        order = ["constant", "slower than linear", "linear", "faster than linear"]
        return order.index(self.law) <= order.index(self.wanted)


def exponent(points: Sequence[Point]) -> float:
    """The slope of the line of least squares through the logarithms; 0 for fewer than two x."""
    logs = [(math.log(point.x), math.log(point.y)) for point in points if point.x > 0 and point.y > 0]
    if len({x for x, _ in logs}) < 2:
        return 0.0
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    spread = sum((x - mean_x) ** 2 for x, _ in logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / spread


def named(slope: float) -> str:
    """The law of an exponent."""
    if slope <= CONSTANT:
        return "constant"
    if slope < LINEAR:
        return "slower than linear"
    return "linear" if slope <= STEEPER else "faster than linear"

"""Growth is named by the end of a curve."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale.laws import Curve, Point, exponent, named

XS = (10.0, 100.0, 1000.0, 10_000.0)


def curve(ys: list[float], wanted: str = "linear") -> Curve:
    points = tuple(Point(x, y) for x, y in zip(XS, ys, strict=True))
    return Curve(name="c", x="x", y="y", wanted=wanted, points=points)


@given(st.floats(-1.0, 3.0), st.floats(1e-3, 1e3))
def test_the_exponent_of_a_power_is_found(power: float, factor: float) -> None:
    points = [Point(x, factor * x**power) for x in XS]
    assert exponent(points) == pytest.approx(power, abs=1e-6)


def test_one_point_grows_nowhere() -> None:
    assert exponent([]) == exponent([Point(3.0, 7.0)]) == exponent([Point(3.0, 7.0)] * 2) == 0.0


@pytest.mark.parametrize(
    ("slope", "law"),
    [
        (-0.5, "constant"),
        (0.1, "constant"),
        (0.5, "slower than linear"),
        (1.0, "linear"),
        (1.3, "faster than linear"),
    ],
)
def test_exponents_have_names(slope: float, law: str) -> None:
    assert named(slope) == law


def test_a_fixed_part_hides_no_growth_at_the_end() -> None:
    assert curve([100.0, 100.0, 1000.0, 10_000.0]).law == "linear"
    assert curve([100.0, 110.0, 111.0, 112.0]).law == "constant"


@pytest.mark.parametrize(
    ("wanted", "good"), [("constant", False), ("slower than linear", False), ("linear", True)]
)
def test_growing_faster_than_wanted_is_not_good(wanted: str, good: bool) -> None:
    assert curve([1.0, 10.0, 100.0, 1000.0], wanted).good == good
    assert curve([1.0, 1.0, 1.0, 1.0], wanted).good

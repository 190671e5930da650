"""Charts: well-formed SVG, nothing unescaped, nothing outside the drawing."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.evaluation.charts import (
    WIDTH,
    Bar,
    Interval,
    Mark,
    Series,
    bars,
    columns,
    intervals,
    legend,
    lines,
    ticks,
)

shares = st.floats(0, 1)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
)
rows = st.lists(
    st.builds(Bar, names, st.lists(st.tuples(st.just("benign"), st.floats(0, 1e9))).map(tuple)), max_size=5
)


def _drawn(svg: str) -> ElementTree.Element:
    """The parsed drawing, with everything inside its box."""
    root = ElementTree.fromstring(svg)
    _, _, width, height = (float(number) for number in root.attrib["viewBox"].split())
    assert width == WIDTH
    for node in root.iter():
        for name, most in (
            ("x", width),
            ("x1", width),
            ("x2", width),
            ("cx", width),
            ("y", height),
            ("cy", height),
        ):
            if name in node.attrib:
                assert -1 <= float(node.attrib[name]) <= most + 1, ElementTree.tostring(node)
    return root


@settings(deadline=None, max_examples=40)
@given(names, rows)
def test_bars_are_drawn_whatever_they_are_called(title: str, found: list[Bar]) -> None:
    root = _drawn(bars(title, found))
    assert root.attrib["aria-label"] == title
    _drawn(columns(title, found, [row.name for row in found], [Mark(0, title)]))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(shares, shares, shares).map(sorted), min_size=1, max_size=4), st.none() | shares)
def test_intervals_are_drawn_in_order(found: list[list[float]], limit: float | None) -> None:
    root = _drawn(intervals("t", [Interval("<b>", low, at, high, "text") for low, at, high in found], limit))
    points = [node for node in root.iter() if node.tag == "circle"]
    assert len(points) == len(found)


@settings(deadline=None, max_examples=40)
@given(st.lists(shares, min_size=1, max_size=6))
def test_lines_have_a_dot_for_each_value(values: list[float]) -> None:
    at = [float(number) for number in range(len(values))]
    root = _drawn(lines("t", at, [Series("benign", "<i>", tuple(values))], [Mark(0, "now")]))
    assert len([node for node in root.iter() if node.tag == "circle"]) == len(values)


def test_a_small_amount_can_still_be_seen() -> None:
    root = _drawn(bars("t", [Bar("big", (("benign", 1e6),)), Bar("small", (("benign", 1.0),))]))
    widths = [float(node.attrib["width"]) for node in root.iter() if node.attrib.get("class") == "benign"]
    assert widths[1] >= 2


def test_long_names_are_cut_and_legends_escaped() -> None:
    assert "…" in bars("t", [Bar("x" * 80, ())])
    assert "&lt;b&gt;" in legend([("benign", "<b>")])


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (0, [0, 1]),
        (4, [0, 1, 2, 3, 4]),
        (13, [0, 5, 10, 15]),
        (100, [0, 25, 50, 75, 100]),
        (0.02, [0, 0.005, 0.01, 0.015, 0.02]),
    ],
)
def test_scales_have_round_steps(most: float, expected: list[float]) -> None:
    assert ticks(most) == pytest.approx(expected)


@given(st.floats(1e-9, 1e12))
def test_a_scale_reaches_what_it_shows(most: float) -> None:
    found = ticks(most)
    assert found[-1] >= most * (1 - 1e-6)
    assert 2 <= len(found) <= 7

"""What is measured: made-up policies load, calls are scored, curves hold a point for each size."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.scale.__main__ import main, measured, show, within
from benchmarks.scale.bundles import many_patterns, many_policies
from benchmarks.scale.engine import CURVES, Caller, history, principals
from benchmarks.scale.laws import Curve, Point
from benchmarks.side_by_side.processes import TargetError

FLAT = Curve(name="a", x="x", y="µs", wanted="constant", points=(Point(1, 5.0), Point(1000, 5.0)))
STEEP = Curve(name="b", x="x", y="µs", wanted="linear", points=(Point(1, 1.0), Point(10, 1000.0)))


@pytest.mark.parametrize("count", [1, 7])
def test_policies_and_patterns_are_made_up_in_any_number(count: int) -> None:
    bundle = many_policies(count)
    assert len(bundle.policies) == count
    assert bundle.warnings == ()
    assert many_patterns(count).warnings == ()


def test_made_up_policies_count_what_they_are_asked_about() -> None:
    caller = Caller(many_policies(3))
    caller.calls(["p"], 3)
    assert caller.store.nbytes("p") > 0


def test_a_curve_has_a_point_for_each_size() -> None:
    cost, memory = history([2, 1])
    assert [point.x for point in cost.points] == [point.x for point in memory.points] == [1, 2]
    assert all(point.y > 0 for point in (*cost.points, *memory.points))


def test_memory_is_not_told_for_few_principals() -> None:
    (cost,) = principals([2, 1])
    assert [point.x for point in cost.points] == [1, 2]


def test_sizes_can_be_held_down_and_those_of_principals_go_on() -> None:
    assert within((10, 100, 1000), 0) == [10, 100, 1000]
    assert within((10, 100, 1000), 150) == [10, 100]
    assert within((10, 100), 5) == [5]
    assert within((10, 100), 100_000) == [10, 100]
    assert within((10, 100), 100_000, further=True) == [10, 100, 1000, 10_000, 100_000]


def test_a_wrong_part_is_answered_with_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TargetError, match="patterns"):
        measured(["pattern"], 10)
    assert main(["--parts", "historie"]) == 2
    assert "history" in capsys.readouterr().err
    assert set(CURVES) >= {"principals", "policies", "patterns", "prompt-size", "history"}


def test_a_report_names_the_growth_and_what_is_too_much(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show([FLAT, STEEP], tmp_path)
    said = capsys.readouterr().out
    assert "constant at most" in said
    assert "faster than linear" in said
    written = json.loads((tmp_path / "scale.json").read_bytes())
    assert [(row["law"], row["good"]) for row in written] == [
        ("constant", True),
        ("faster than linear", False),
    ]
    root = ET.fromstring((tmp_path / "scale.svg").read_text("utf-8"))
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 2

"""The gate over ratios of one run."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.side_by_side.figures import Figures
from benchmarks.side_by_side.gate import KEPT, TOLERANCE, Row, judge, lower, ratios, rows
from tests.benchmarks.side_by_side.support import sample


def test_the_ratios_are_ours_over_the_bare_client() -> None:
    figures = Figures([sample("bare", "J", cpu=0.1), sample("shadow", "J", cpu=0.4)], {})
    found = ratios(figures)
    assert found["shadow J"] == pytest.approx(4)
    assert found["off B"] is None


def test_what_is_kept_is_what_is_watched() -> None:
    kept = msgspec.json.decode(KEPT.read_bytes(), type=dict[str, float])
    assert set(kept) == set(ratios(Figures([], {})))


@pytest.mark.parametrize(
    ("seen", "code"), [(1.0, 0), (2.0 * TOLERANCE, 0), (2.0 * TOLERANCE + 0.01, 1), (None, 2)]
)
def test_a_ratio_may_grow_by_the_tolerance_and_no_more(
    seen: float | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge(list(rows({"shadow J": 2.0}, {"shadow J": seen}))) == code
    assert ("NOT OK" in capsys.readouterr().out) == bool(code)


def test_of_two_runs_the_lower_ratio_counts() -> None:
    assert lower({"a": 2.0, "b": 1.0, "c": None, "d": None}, {"a": 1.5, "b": 3.0, "c": 4.0}) == {
        "a": 1.5,
        "b": 1.0,
        "c": 4.0,
        "d": None,
    }


def test_a_ratio_that_nobody_kept_is_not_good() -> None:
    assert list(rows({}, {"new": 1.0})) == [Row("new", None, 1.0)]
    assert judge([Row("new", None, 1.0)]) == 1

"""Tables, the picture, and the documents of a run."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.side_by_side.__main__ import TARGETS, report
from benchmarks.side_by_side.figures import Figures
from benchmarks.side_by_side.plot import decades, plot
from benchmarks.side_by_side.rounds import Options, Run
from benchmarks.side_by_side.scenarios import SCENARIOS
from benchmarks.side_by_side.tables import number
from tests.benchmarks.side_by_side.support import sample

SAMPLES = [
    sample("direct", "J", others=0.005, latency=(0.001, 0.002)),
    sample("shadow", "J", cpu=0.2, latency=(0.001, 0.002)),
    sample("envoy", "J", cpu=0.05, latency=(0.001, 0.002)),
    sample("portkey", "J", cpu=1.5, errors=2, error="HTTP/1.1 500"),
    sample("litellm", "J", requests=0),
    sample(
        "shadow", "S500", cpu=0.2, chunks=25_000, delay=(0.001, 0.002), memory=60_000_000, before=50_000_000
    ),
]


def test_a_report_names_what_ran_what_failed_and_what_did_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(
        samples=SAMPLES,
        idle={"shadow": 50_000_000},
        versions={"shadow": "CPython 3", "envoy": "1.40.0"},
        missing={"nginx": "pip failed: no network"},
    )
    scenarios = (SCENARIOS["J"], SCENARIOS["S500"])
    report(Options(tuple(TARGETS.values()), scenarios, 1, 1.0, tmp_path), run, tmp_path / "out")
    said = capsys.readouterr().out
    for words in ("no network", "nothing came", "2 errors", "HTTP/1.1 500", "1.40.0", "the bar, shadow"):
        assert words in said
    written = json.loads((tmp_path / "out" / "bench.json").read_bytes())
    assert len(written["samples"]) == len(SAMPLES)
    assert {row["met"] for row in written["bar"]} == {"goal", "not measured", "no", "stretch"}


def test_the_picture_shows_a_bar_for_every_cost_and_is_whole() -> None:
    picture = plot(Figures(SAMPLES, {}), SCENARIOS.values(), list(TARGETS.values()))
    root = ET.fromstring(picture)
    names = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [name for name in names if name in TARGETS] == ["direct", "shadow", "envoy", "shadow"]


@given(st.lists(st.floats(1e-3, 1e6), min_size=1))
def test_the_powers_of_ten_hold_every_value(values: list[float]) -> None:
    low, high = decades(values)
    assert low < high
    assert all(10.0**low <= value * 1.000001 and value <= 10.0**high * 1.000001 for value in values)


def test_numbers_are_short() -> None:
    assert [number(value) for value in (None, 0.1234, 12.34, 1234.5)] == ["-", "0.123", "12.3", "1,234"]
    assert number(1234.5, 2) == "1,234.50"

"""The stages of a call: all are run, in order, and the profile is of them."""

from __future__ import annotations

import pstats
from pathlib import Path

import pytest

from benchmarks.stages import Calls, gates, main, stages

ORDER = ["start", "before forwarding", "after forwarding", "answer", "settling", "record"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_stops_behind_each_stage(stream: bool) -> None:
    with gates() as gate:
        calls = Calls(gate("shadow"), stream=stream)
        assert list(calls.call()) == ORDER
        assert list(calls.medians(2)) == ORDER[1:]


def test_each_setting_is_told_apart_and_every_row_is_there() -> None:
    with gates() as gate:
        rows = stages(gate, 20)
        assert [row.name for row in rows if row.budget is None] == ["reading a JSON answer", "settling"]
        assert len(rows) == 8
        made = [gate(name) for name in ("unscored", "shadow", "enforce")]
        assert [one.ceiling.name for one in made] == ["SHADOW", "SHADOW", "ENFORCE"]
        assert [one.bundle is None for one in made] == [True, False, False]


def test_a_profile_is_kept_for_people_and_for_tools(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--calls", "20", "--out", str(tmp_path / "profile")])
    assert "an event, edited" in capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "profile").iterdir())
    assert names == ["calls.pstats", "calls.txt", "stream.pstats", "stream.txt"]
    found = pstats.Stats(str(tmp_path / "profile" / "calls.pstats")).get_stats_profile().func_profiles
    assert found["judge"].ncalls.startswith("20")

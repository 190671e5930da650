"""The bar: what is read off, and how it is judged."""

from __future__ import annotations

import pytest

from benchmarks.side_by_side.bar import GOALS, Verdict, verdicts
from benchmarks.side_by_side.figures import Figures, Sample
from tests.benchmarks.side_by_side.support import sample


def read(*samples: Sample, idle: dict[str, int] | None = None) -> dict[str, Verdict]:
    """The rows of the bar by their names."""
    return {row.what: row for row in verdicts(Figures(samples, idle or {}))}


def test_a_run_without_peers_meets_nothing_and_misses_nothing() -> None:
    assert {row.met for row in read().values()} == {"not measured"}


@pytest.mark.parametrize(
    ("peer", "met"), [(0.0059, "no"), (0.006, "goal"), (0.0099, "goal"), (0.01, "stretch")]
)
def test_a_peer_must_cost_so_many_times_more(peer: float, met: str) -> None:
    row = read(sample("shadow", "J", cpu=0.0001), sample("litellm", "J", cpu=peer))[
        "LiteLLM, CPU per request"
    ]
    assert row.met == met
    assert row.seen == pytest.approx(peer / 0.0001)
    assert (row.asked, row.stretch) == ("≥ 60 times less", "≥ 100 times less")


@pytest.mark.parametrize(("ours", "met"), [(0.36, "no"), (0.35, "goal"), (0.2, "stretch")])
def test_ours_may_cost_so_many_times_a_native_proxy(ours: float, met: str) -> None:
    row = read(sample("shadow", "J", cpu=ours), sample("envoy", "J", cpu=0.1))["Envoy, CPU per request"]
    assert row.met == met


def test_policies_off_have_a_row_of_their_own() -> None:
    rows = read(sample("off", "J", cpu=0.05), sample("envoy", "J", cpu=0.1))
    assert rows["Envoy, CPU per request, policies off"].met == "stretch"
    assert rows["Envoy, CPU per request"].met == "not measured"


def test_latency_is_compared_with_envoys_in_the_same_round() -> None:
    rows = read(
        sample("shadow", "L", cpu=0.1, latency=(0.0012, 0.002)),
        sample("envoy", "L", cpu=0.1, latency=(0.0010, 0.002)),
    )
    row = rows["p50 above Envoy's at 200 requests a second"]
    assert row.seen == pytest.approx(0.2)
    assert row.met == "goal"


@pytest.mark.parametrize(("chunks", "met"), [(25_000, "goal"), (24_000, "no")])
def test_a_load_that_is_not_held_misses_whatever_its_delays(chunks: int, met: str) -> None:
    rows = read(
        sample("direct", "S500", others=0.1, delay=(0.0001, 0.001)),
        sample("shadow", "S500", cpu=0.5, chunks=chunks, delay=(0.0002, 0.003)),
    )
    assert rows["p99 added to 25,000 events a second"].met == met


def test_memory_is_read_in_megabytes_and_kilobytes() -> None:
    rows = read(sample("shadow", "S500", memory=65_000_000, before=50_000_000), idle={"shadow": 50_000_000})
    assert (rows["memory, idle"].seen, rows["memory, idle"].met) == (50, "goal")
    assert (rows["memory, per stream"].seen, rows["memory, per stream"].met) == (30, "goal")


def test_every_stretch_asks_for_more_than_its_goal() -> None:
    for goal in GOALS:
        assert goal.stretch > goal.goal if goal.sense == "least" else goal.stretch < goal.goal, goal.what

"""From values to points: ramps, caps, modes, rollout."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Measure, Mode, Principal
from gateway.policies.bundle import Rollout
from gateway.score import corroborating, in_rollout, policy_mode, signal_score, strength, total
from tests.support import Drive, bundle, policy

ECHO = "signals: {echo: {request: {request.echo: true}, points: 10}}"


@pytest.mark.parametrize(
    ("value", "ramp", "expected"),
    [
        (60, (60, 300), 0.0),
        (180, (60, 300), 0.5),
        (900, (60, 300), 1.0),
        (0, (60, 300), 0.0),
        (0.5, (0.5, 0.1), 0.0),
        (0.3, (0.5, 0.1), 0.5),
        (0.0, (0.5, 0.1), 1.0),
        (1.0, None, 1.0),
        (0.5, None, 0.5),
    ],
)
def test_a_ramp_maps_values_to_strength_and_may_fall(
    value: float, ramp: tuple[float, float] | None, expected: float
) -> None:
    assert strength(value, ramp) == pytest.approx(expected)


def test_a_signal_explains_its_points_in_words() -> None:
    (made,) = bundle(
        policy(
            """
            signals:
              burst:
                count: {of: requests, over: 60s}
                ramp: [60, 300]
                points: 20
                why: "{value:.0f} requests in {over} (normal up to {lo:.0f}, certain at {hi:.0f}, n={n})"
            """
        )
    ).policies
    score = signal_score("probe.burst", made.signals[0], Mode.SHADOW, Measure(180.0, 4))
    assert (score.id, score.strength, score.points) == ("probe.burst", 0.5, 10.0)
    assert score.text == "180 requests in 60s (normal up to 60, certain at 300, n=4)"


@pytest.mark.parametrize(("combine", "points"), [("sum", 16.0), ("max", 10.0)])
def test_a_policy_sums_or_takes_the_worst_and_is_cut_at_its_cap(combine: str, points: float) -> None:
    body = """
        signals:
          one: {request: {request.echo: true}, points: 10}
          two: {request: {request.echo: true}, points: 9}
    """
    drive = Drive(bundle(policy(body, combine=combine, cap=16)))
    decision = drive.send({"messages": [], "echo": True})
    assert decision.enforced.score == points


ALL = """
    signals:
      one: {request: {request.echo: true}, points: 10}
      two: {field: request.n, ramp: [0, 10], points: 10}
      %s
"""


@pytest.mark.parametrize(("n", "points"), [(10, 10.0), (4, 4.0), (50, 10.0)])
def test_a_policy_that_wants_all_gives_what_its_weakest_signal_gives(n: int, points: float) -> None:
    drive = Drive(bundle(policy(ALL % "", combine="all")))
    assert drive.send({"messages": [], "echo": True, "n": n}).enforced.score == points


def test_a_policy_that_wants_all_gives_nothing_while_one_is_harmless_or_silent() -> None:
    drive = Drive(bundle(policy(ALL % "", combine="all", cap=8)))
    harmless = drive.send({"messages": [], "n": 9})
    assert (harmless.shadow.score, [score.id for score in harmless.signals]) == (0.0, ["probe.one"])
    silent = "three: {ratio: {where: {request.echo: true}, over: 1h, min: 2}, ramp: [0, 1], points: 10}"
    drive = Drive(bundle(policy(ALL % silent, combine="all", cap=8)))
    scores = [drive.send({"messages": [], "echo": True, "n": 9}).enforced.score for _ in range(2)]
    assert scores == [0.0, 8.0]


def test_of_a_policy_that_wants_all_one_in_shadow_keeps_the_rest_there_and_a_disabled_one_is_not_asked() -> (
    None
):
    shadow = "three: {request: {request.echo: true}, points: 10, mode: shadow}"
    decision = Drive(bundle(policy(ALL % shadow, combine="all"))).send({"messages": [], "echo": True, "n": 9})
    assert (decision.enforced.score, decision.shadow.score) == (0.0, 9.0)
    disabled = "three: {request: {request.stream: true}, points: 10, mode: disabled}"
    decision = Drive(bundle(policy(ALL % disabled, combine="all"))).send(
        {"messages": [], "echo": True, "n": 9}
    )
    assert decision.enforced.score == 9.0


@pytest.mark.parametrize("ceiling", list(Mode))
@pytest.mark.parametrize("mode", ["disabled", "shadow", "enforce"])
def test_the_effective_mode_is_the_lowest_of_ceiling_and_policy(ceiling: Mode, mode: str) -> None:
    (made,) = bundle(policy(ECHO, mode=mode)).policies
    assert policy_mode(made, ceiling, Principal("p")) == min(ceiling, Mode[mode.upper()])


def test_outside_the_rollout_a_policy_is_in_shadow() -> None:
    (made,) = bundle(policy(ECHO, rollout="25%")).policies
    modes = [policy_mode(made, Mode.ENFORCE, Principal(f"p{i}")) for i in range(2000)]
    assert 0.2 < modes.count(Mode.ENFORCE) / 2000 < 0.3
    assert set(modes) == {Mode.ENFORCE, Mode.SHADOW}


@given(st.text(max_size=8), st.floats(0, 1), st.floats(0, 1))
def test_a_rollout_only_grows(principal: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    if in_rollout("x", Rollout(small), Principal(principal)):
        assert in_rollout("x", Rollout(large), Principal(principal))


def test_a_rollout_by_org_keeps_the_keys_of_one_org_together_and_a_holdout_out() -> None:
    for i in range(200):
        together = {in_rollout("x", Rollout(0.5), Principal(f"k{j}", org=f"o{i}")) for j in range(3)}
        assert len(together) == 1
    held = [in_rollout("x", Rollout(1.0, "principal", 0.3), Principal(f"k{i}")) for i in range(2000)]
    assert 0.65 < sum(held) / 2000 < 0.75


def test_totals_add_and_only_real_points_corroborate() -> None:
    assert total((4.9, 5.0, 30.0)) == pytest.approx(39.9)
    assert corroborating((4.9, 5.0, 30.0)) == 2

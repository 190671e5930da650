"""Ramps and points from the highest values of benign and attacking units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.evaluation.learning import DIGITS, WORST, Lesson, Seen, Terms, learn, rounded
from gateway.evaluation.observed import Highest
from gateway.policies.bundle import Bundle
from gateway.score import strength
from tests.support import bundle, policy

SIGNALS = """
signals:
  count: {count: {of: requests, over: 1h}, ramp: [100, 500], points: 30}
  share: {ratio: {where: {request.n: 1}, over: 6h, min: 5}, ramp: [0.4, 0.8], points: 20}
  falling: {cadence: {metric: interval_cv, over: 6h, min: 3}, ramp: [0.4, 0.1], points: 10}
  from-nothing: {count: {of: prompts, over: 1h}, ramp: [0, 10], points: 1}
"""
BUNDLE = bundle(policy(SIGNALS))
TOGETHER = replace(BUNDLE, policies=(replace(BUNDLE.policies[0], combine=cast("Any", "all")),))
WEEK = 7 * 86400.0
NAMES = ("probe.count", "probe.share", "probe.falling", "probe.from-nothing")
FALLING = ("probe.falling",)


def _highest(name: str, values: Sequence[float]) -> list[Highest]:
    sign = -1 if name in FALLING else 1
    return sorted((Highest(sign * value, f"u{at}") for at, value in enumerate(values)), reverse=True)


def _seen(
    benign: Mapping[str, Sequence[float]], attacks: Mapping[str, Sequence[float]] | None = None
) -> Seen:
    return Seen(
        {name: _highest(name, values) for name, values in benign.items()},
        {name: _highest(name, values) for name, values in (attacks or {}).items()},
    )


def _learn(seen: Seen, made: Bundle = BUNDLE, **terms: Any) -> dict[tuple[str, str], Lesson]:
    asked = Terms(**({"bound": 0.01, "seconds": WEEK} | terms))
    return {(one.name.removeprefix("probe."), one.what): one for one in learn(made, seen, asked)}


def _ramp(name: str, values: Sequence[float], attacks: Sequence[float] = (), **terms: Any) -> Lesson:
    return _learn(_seen({f"probe.{name}": values}, {f"probe.{name}": attacks}), **terms)[name, "ramp"]


# --- ramps --------------------------------------------------------------------------------------------


def test_nobody_teaches_nothing() -> None:
    for made in (BUNDLE, TOGETHER):
        found = _learn(_seen({}), made)
        assert {one.move for one in found.values()} == {"kept"}
        assert "no benign principal gave it a value" in found["count", "ramp"].why


def test_harmless_goes_to_where_the_bound_lets_the_benign_end() -> None:
    found = _ramp("count", [*range(300), 299])
    assert (found.new, found.move, found.benign) == ((299, 1500), "looser", 301)
    assert "moved away from the benign; 0 of 301 benign beyond harmless (≤ 0.99%), set by u300" in found.why
    assert list(found.spread) == [150, 285, 299]
    # 473 are needed for one that lies beyond.
    assert _ramp("count", [5000, *[250] * 472]).new == (250, 6190)
    assert _ramp("count", [5000, *[250] * 400]).new[0] == 5000


def test_a_few_benign_principals_only_make_a_ramp_looser() -> None:
    assert _ramp("count", [150] * 5).new == (150, 750)
    found = _ramp("count", [10] * 298)
    assert (found.new, found.move) == ((100, 500), "kept")
    assert "too few benign to be stricter (1% needs 299); 0 of 298 benign beyond harmless (≤ 1%)" in found.why


def test_a_ramp_gets_stricter_only_where_the_data_reach() -> None:
    found = _ramp("count", [10] * 299)
    assert (found.new, found.move) == ((10, 500), "stricter")
    assert "moved to where the benign end" in found.why
    short = _ramp("count", [10] * 299, seconds=1800.0)
    assert (short.move, "shorter than its window" in short.why) == ("kept", True)
    unwanted = _ramp("count", [10] * 299, stricter=False)
    assert (unwanted.move, "not asked for" in unwanted.why) == ("kept", True)
    assert _ramp("count", [100] * 299).move == "kept"


def test_the_worst_of_the_benign_stays_short_of_full_strength() -> None:
    found = _ramp("count", [*[90] * 472, 480])
    assert list(found.new) == [90, 578]
    assert strength(480, cast("Any", found.new)) <= WORST
    assert _ramp("share", [*[0.1] * 472, 0.99], seconds=1.0).new == (0.4, 1.0)


def test_shares_and_falling_ramps_end_where_their_values_do() -> None:
    assert _ramp("share", [0.7] * 5).new == (0.7, 0.9)
    assert _ramp("falling", [0.2] * 5).new == (0.2, 0.05)
    assert _ramp("falling", [0.2, 0.7, 0.9]).spread == (0.7, 0.2, 0.2)
    assert _ramp("falling", [0.7] * 299).new == (0.7, 0.1)
    assert _ramp("from-nothing", [4] * 5).new == (4, 14)
    dead = _ramp("share", [1.0] * 5)
    assert (dead.move, "does not separate here" in dead.why) == ("kept", True)
    assert "5 of 5 benign beyond harmless" in dead.why


def test_labelled_attacks_say_where_certain_is() -> None:
    benign = [50] * 299
    found = _ramp("count", benign, [200 + at for at in range(12)])
    assert (found.new, found.move) == ((50, 203), "stricter")
    assert "three quarters of 12 labelled attacks" in found.why
    assert _ramp("count", benign, [200] * 9).new == (50, 500)
    assert _ramp("count", benign, [900] * 12).new == (50, 500)
    # Where the benign number is not proved, nothing comes nearer.
    assert _ramp("count", benign[:200], [200] * 12).new == (100, 500)


def test_only_what_is_asked_for_is_learned() -> None:
    seen = _seen({name: [1] * 5 for name in NAMES})
    assert set(_learn(seen, names=frozenset({"probe.count"}))) == {("count", "ramp")}
    assert len(_learn(seen, names=frozenset({"probe"}))) == 4
    assert _learn(seen, names=frozenset({"other"})) == {}
    assert len(_learn(_seen({}), TOGETHER, names=frozenset({"probe.count"}))) == 4


# --- points -------------------------------------------------------------------------------------------


def test_a_signal_that_labels_show_to_separate_badly_loses_points() -> None:
    # Of the benign about 1 %, of the attacks all: that is worth everything.
    benign = [*[50] * 472, 300]
    assert ("count", "points") not in _learn(_seen({"probe.count": benign}, {"probe.count": [400] * 40}))
    # Where the ramp may not follow the benign (a single one decides), many of them stand beyond.
    even = _seen({"probe.share": [1.0] * 40 + [0.1] * 60}, {"probe.share": [1.0] * 40})
    found = _learn(even)["share", "points"]
    assert (found.old, found.new, found.move) == ((20,), (10,), "looser")
    assert "40 of 40 labelled attacks and 40 of 100 benign go beyond harmless: at most 3.3 times" in found.why
    same = _seen({"probe.share": [1.0] * 100}, {"probe.share": [1.0] * 40})
    assert _learn(same)["share", "points"].new == (1,)
    few = _seen({"probe.share": [1.0] * 100}, {"probe.share": [1.0] * 9})
    assert ("share", "points") not in _learn(few)


# --- conjunctions -------------------------------------------------------------------------------------


def _together(strengths: Sequence[float]) -> dict[tuple[str, str], Lesson]:
    benign = [Highest(value, f"u{at}") for at, value in enumerate(sorted(strengths, reverse=True))]
    return _learn(Seen({"probe": benign}, {}), TOGETHER)


def test_all_ramps_of_a_conjunction_move_by_the_same_strength() -> None:
    found = _together([0.25] * 5)
    assert [list(one.new) for one in found.values()] == [[200, 500], [0.5, 0.8], [0.325, 0.1], [2.5, 10]]
    assert "probe as a whole: moved away" in found["count", "ramp"].why


def test_a_conjunction_that_spares_the_benign_is_kept() -> None:
    assert {one.move for one in _together([-3.0] * 1000).values()} == {"kept"}
    assert {one.move for one in _together([0.0, 0.0]).values()} == {"kept"}


def test_the_worst_unit_of_a_conjunction_stays_short_of_full_strength() -> None:
    found = _together([1.0, *[-1.0] * 472])
    assert [list(one.new) for one in found.values()] == [[100, 600], [0.4, 0.9], [0.4, 0.0249], [0, 12.5]]


def test_a_conjunction_whose_ramps_cannot_follow_says_so() -> None:
    found = _together([1.5] * 5)
    assert {one.move for one in found.values()} == {"kept"}
    assert (
        "does not separate here: benign principals stand at the end of probe.share"
        in found["count", "ramp"].why
    )
    assert "5 of 5 benign beyond harmless" in found["count", "ramp"].why


# --- whatever the data --------------------------------------------------------------------------------

VALUES = st.lists(st.floats(0, 1000).map(lambda value: round(value, 3)), max_size=320)


@given(VALUES, VALUES, st.booleans())
def test_what_is_looser_never_makes_anybody_stronger(
    benign: list[float], attacks: list[float], repeated: bool
) -> None:
    benign = benign * 9 if repeated else benign
    seen = _seen(dict.fromkeys(NAMES, benign), dict.fromkeys(NAMES, attacks))
    for found in _learn(seen).values():
        if found.what == "points":
            assert 0 < found.new[0] < found.old[0]
            continue
        old, new = cast("Any", found.old), cast("Any", found.new)
        assert (old[0] < old[1]) == (new[0] < new[1])
        if found.move == "looser":
            for value in {*benign, *attacks, 0.05, 0.5, 250.0}:
                assert strength(value, new) <= strength(value, old) + 1e-9
        if found.move == "stricter":
            beyond = sum(strength(value, new) > 0 for value in benign)
            assert beyond <= found.benign
            assert found.upper <= 0.01


@given(st.lists(st.floats(-2, 1.2), min_size=1, max_size=320))
def test_a_conjunction_respects_the_bound_as_a_whole_or_stays(strengths: list[float]) -> None:
    found = list(_together(strengths).values())
    assert {one.move for one in found} <= {"kept", "looser"}
    if found[0].move == "looser":
        beyond = 0
        for reached in strengths:
            # The unit whose every part is just so strong.
            values = [one.old[0] + reached * (one.old[1] - one.old[0]) for one in found]
            least = min(
                strength(value, cast("Any", one.new)) for value, one in zip(values, found, strict=True)
            )
            beyond += least > 1e-9
        assert beyond <= sum(value > max(strengths) for value in strengths) or found[0].upper <= 0.01


@given(VALUES, st.randoms())
def test_the_order_of_principals_and_their_names_change_nothing(benign: list[float], dice: Any) -> None:
    shuffled = benign.copy()
    dice.shuffle(shuffled)
    one, other = (_learn(_seen(dict.fromkeys(NAMES, values), {})) for values in (benign, shuffled))
    assert [found.new for found in one.values()] == [found.new for found in other.values()]


@given(st.floats(-1e9, 1e9))
def test_rounding_goes_towards_suspicion_and_stays_near(value: float) -> None:
    found = rounded(value)
    assert found >= value
    assert found - value <= abs(value) * 10 ** (1 - DIGITS) * 1.000001 + 1e-12


@pytest.mark.parametrize(
    ("value", "made"), [(0.0, 0.0), (123456.0, 124000.0), (0.12301, 0.124), (-0.1239, -0.123)]
)
def test_numbers_are_rounded_to_a_few_digits(value: float, made: float) -> None:
    assert rounded(value) == made

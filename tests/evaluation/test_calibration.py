"""What the benign pay for learned numbers: measured, taken back, capped, and judged on a second period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from gateway.evaluation.calibrated import calibration_sections, described, number
from gateway.evaluation.calibration import Calibration, Periods, calibrate, visible
from gateway.evaluation.cases import Cases, Label
from gateway.evaluation.entries import Entry
from gateway.evaluation.learning import Lesson, Seen, Terms
from gateway.evaluation.observed import Highest
from gateway.evaluation.text import text
from gateway.policies.bundle import Bundle, Policy, Signal
from gateway.score import combined, strength
from tests.evaluation.support import RUNGS, entry
from tests.support import LADDER, bundle, policy

SIGNALS = """
signals:
  one: {count: {of: requests, over: 1h}, ramp: [100, 200], points: 40}
  two: {count: {of: requests, over: 2h}, ramp: [100, 200], points: 40}
  certain: {request: {request.n: 2}, points: 40}
"""
BUNDLE = bundle(policy(SIGNALS, id="a", cap=60), policy(SIGNALS, id="b", cap=90))
Values = Mapping[str, Mapping[str, float]]
"""By principal and signal."""


def _changed(lessons: Sequence[Lesson]) -> Bundle:
    told = {(one.name, one.what): one.new for one in lessons}

    def signal_of(policy: Policy, signal: Signal) -> Signal:
        ramp = told.get((f"{policy.id}.{signal.id}", "ramp"))
        return signal if ramp is None else replace(signal, ramp=cast("Any", ramp))

    def policy_of(policy: Policy) -> Policy:
        (cap,) = told.get((policy.id, "cap"), (policy.cap,))
        return replace(policy, cap=cap, signals=tuple(signal_of(policy, one) for one in policy.signals))

    return replace(BUNDLE, policies=tuple(map(policy_of, BUNDLE.policies)))


def _entry(who: str, values: Mapping[str, float], under: Bundle) -> Entry:
    """The decision on the one call in which everything is at its highest."""
    peaks = {
        one.id: combined(
            one,
            [
                strength(values.get(f"{one.id}.{signal.id}", 0.0), signal.ramp) * signal.points
                for signal in one.signals
            ],
        )
        for one in under.policies
    }
    score = sum(peaks.values())
    step = sum(rung.at <= score for rung in under.ladder.rungs)
    return entry(who, score=score, rung=RUNGS[step - 1] if step else None, peaks=peaks)


def _cases(values: Values, under: Bundle) -> Cases:
    made = Cases(under)
    for who, own in values.items():
        made.add(_entry(who, own, under))
    made.label({who: Label("attack" if who.startswith("bad") else "benign") for who in values})
    return made


def _calibrated(fit: Values, check: Values, **terms: Any) -> Calibration:
    def measure(lessons: Sequence[Lesson]) -> Periods:
        under = _changed(lessons)
        return _cases(fit, under), _cases(check, under)

    names = [f"{one}.{other}" for one in "ab" for other in ("one", "two")]
    seen = Seen(
        {
            name: sorted(
                (Highest(own[name], who) for who, own in fit.items() if name in own and who[0] != "b"),
                reverse=True,
            )
            for name in names
        },
        {},
    )
    return calibrate(BUNDLE, seen, Terms(**({"bound": 0.01, "seconds": 86400.0} | terms)), measure)


def _crowd(count: int, name: str = "good", **values: float) -> dict[str, dict[str, float]]:
    own = {key.replace("__", "."): value for key, value in values.items()}
    return {f"{name}{at:04}": own for at in range(count)}


def test_numbers_that_hit_the_benign_are_moved_and_the_bound_is_known() -> None:
    fit, check = _crowd(300, a__one=250, a__two=50), _crowd(300, "late", a__one=240)
    made = _calibrated(fit, check)
    assert (made.known, made.reasons, made.contradicted) == (True, (), False)
    narrow = made.touched[0]
    assert [row.rung for row in made.touched] == ["narrow", "throttle", "perturb", "refuse"]
    assert (narrow.fit_before.hits, narrow.fit.hits, narrow.check_before.hits, narrow.check.hits) == (
        300,
        0,
        300,
        0,
    )
    assert narrow.unseen.of == 300
    assert {described(one) for one in made.changes} == {
        "a.one ramp: [100, 200] → [250, 500]",
        "a.two ramp: [100, 200] → [50, 200]",
    }


def test_nothing_is_replayed_twice() -> None:
    fit = _crowd(5, a__one=10)
    asked = []

    def measure(lessons: Sequence[Lesson]) -> Periods:
        asked.append(lessons)
        return _cases(fit, BUNDLE), _cases(fit, BUNDLE)

    seen = Seen({"a.one": [Highest(10.0, who) for who in fit]}, {})
    assert not calibrate(BUNDLE, seen, Terms(0.01, 86400.0), measure).changes
    assert asked == [()]


def test_too_few_cannot_be_known_and_nobody_even_less() -> None:
    made = _calibrated(_crowd(5, a__one=10), _crowd(5, a__one=10))
    assert not made.known
    assert "the fit has 0 of 5 benign on narrow, hence ≤ 45.1%; 1% needs 299" in made.reasons[0]
    assert "the check has 0 of 5 benign" in made.reasons[1]
    nobody = _calibrated({}, {})
    assert nobody.reasons == ("no principal is known to be benign: give labels, or --assume-benign",)
    assert not nobody.changes


def test_a_check_that_contradicts_is_told() -> None:
    fit = _crowd(300, a__one=10)
    made = _calibrated(fit, fit | _crowd(30, "late", a__one=250))
    assert made.contradicted
    assert made.reasons == (
        "the check contradicts it: 30 of 330 benign reach narrow",
        "who was not seen in the fit contradicts it: 30 of 30 benign reach narrow",
    )


def test_stricter_numbers_that_hit_more_of_the_fit_are_taken_back() -> None:
    # Harmless at 0 on four signals, of which each alone is far from a rung.
    worst = {"odd": {f"{one}.{two}": 70.0 for one in "ab" for two in ("one", "two")}}
    fit = _crowd(500, a__one=0, a__two=0, b__one=0, b__two=0) | worst
    made = _calibrated(fit, fit)
    assert made.touched[0].fit.hits <= made.touched[0].fit_before.hits == 0
    assert not made.changes
    assert all("would hit more of the benign together" in one.why for one in made.lessons)


def test_caps_are_lowered_where_ramps_cannot_help() -> None:
    fit = _crowd(300, a__one=0) | {
        f"odd{at}": {"a.certain": 1.0, "b.certain": 1.0, "b.one": 0.0} for at in range(20)
    }
    made = _calibrated(fit, fit)
    caps = {one.name: one for one in made.changes if one.what == "cap"}
    assert {name: (one.old, one.new) for name, one in caps.items()} == {
        "a": ((60,), (15,)),
        "b": ((90,), (15,)),
    }
    assert "20 of 320 benign principals would reach narrow (35), 0 may" in caps["a"].why
    assert (made.touched[0].fit_before.hits, made.touched[0].fit.hits) == (20, 0)


def test_caps_of_policies_that_nobody_asked_about_stay() -> None:
    fit = {f"odd{at}": {"a.certain": 1.0, "b.certain": 1.0} for at in range(20)}
    made = _calibrated(fit, fit, names=frozenset({"a"}))
    assert [(one.name, one.new) for one in made.changes] == [("a", (1.0,))]
    assert made.touched[0].fit.hits == 20


def test_visible_is_what_does_more_than_log() -> None:
    assert visible(BUNDLE.ladder) == 1
    only_log = "rungs:\n  watch: {at: 20, do: [{log: true}]}\n  look: {at: 40, do: [{log: true}]}\n"
    ladder = LADDER.partition("rungs:")[0] + only_log
    assert visible(bundle(policy(SIGNALS), ladder=ladder).ladder) == 1


def test_a_calibration_speaks_in_lines_and_a_table() -> None:
    made = _calibrated(_crowd(300, a__one=250), _crowd(5, a__one=10))
    said = " ".join(text((), calibration_sections(made)).split())
    assert "1 change, 3 stay; asked: at most 1% of benign principals." in said
    assert "a.one ramp: [100, 200] → [250, 500] (looser): moved away from the benign; 0 of 300" in said
    assert "benign median 250, 95% 250, extreme 250." in said
    assert "b.two ramp stays at [100, 200]: no benign principal gave it a value." in said
    assert "You cannot know that yet: the check has 0 of 5" in said
    assert "300/300 ≤ 100%" in said


def test_numbers_are_written_as_yaml_reads_them() -> None:
    assert [number(value) for value in (1e6, 0.25, 12.0, 1.5e-5)] == ["1000000", "0.25", "12", "0.000015"]


PEOPLE = st.lists(
    st.dictionaries(
        st.sampled_from(["a.one", "a.two", "b.one", "b.two", "a.certain", "b.certain"]),
        st.integers(0, 400).map(float),
    ),
    max_size=8,
)


@given(PEOPLE, st.integers(1, 6), st.sampled_from([0.2, 0.5, 0.9]))
def test_learning_from_the_benign_never_hits_more_of_them(
    people: list[dict[str, float]], copies: int, bound: float
) -> None:
    fit = {f"good{at}-{copy}": own for at, own in enumerate(people) for copy in range(copies)}
    made = _calibrated(fit, fit, bound=bound)
    for row in made.touched:
        assert row.fit.hits <= row.fit_before.hits
    backwards = _calibrated(dict(reversed(fit.items())), fit, bound=bound)
    assert [(one.name, one.new) for one in made.lessons] == [(one.name, one.new) for one in backwards.lessons]
    assert made.touched == backwards.touched

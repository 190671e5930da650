"""The static difference of two policy directories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError
from gateway.evaluation.changes import Counters, Static, static, values
from gateway.evaluation.comparison import (
    acting,
    compared,
    comparison_sections,
    headline,
    known_gates,
    track_of,
    unplayed,
)
from gateway.evaluation.confusion import of_bundles
from gateway.evaluation.gates import check_gates, quantities
from gateway.evaluation.text import text
from gateway.policies.load import load_bundle
from tests.evaluation.support import cases, crowd, entry, known
from tests.support import LADDER, bundle, exemption, policy

POLICY = """\
kind: policy
id: p
title: One
mode: shadow
rollout: {percent: 25%, holdout: 2%}
cap: 50
combine: max
match: {request.stream: true}
signals:
  burst: {count: {of: requests, over: 60m}, ramp: [10, 100], points: 20}
  rare: {ratio: {where: {request.n: 2}, over: 1h, min: 40}, ramp: [0.5, 0.1], points: 10, why: old}
  canary: {request: {request.echo: true}, points: 5}
"""
PATTERNS = """\
---
kind: patterns
id: words
title: Some
items: {one: {regex: abc, match: [abc]}, two: {regex: xyz, match: [xyz]}}
"""
EXEMPTION = exemption("{ramp: 2x}", "p", id="nightly")
TENANT = """\
---
kind: tenant
id: big
title: Big
orgs: [big]
"""
TESTS = """\
---
kind: tests
title: Nothing of this
"""


def _directory(home: Path, *changes: tuple[str, str]) -> Path:
    said = POLICY + PATTERNS + EXEMPTION + TENANT + TESTS + LADDER
    for old, new in changes:
        assert old in said, old
        said = said.replace(old, new, 1)
    home.mkdir()
    (home / "all.yaml").write_text(said)
    return home


def _static(home: Path, *changes: tuple[str, str]) -> Static:
    before, after = _directory(home / "a"), _directory(home / "b", *changes)
    return static(load_bundle(before), load_bundle(after), values(before), values(after))


def _one(home: Path, old: str, new: str) -> tuple[str, Any, Any, str]:
    (change,) = _static(home, (old, new)).changes
    return change.path, change.before, change.after, change.effect


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("60m", "1h"),
        ("cap: 50", "cap: 50.0"),
        ("id: p\n", "id: p\nhalf_life: 1h\n"),
        ("{log: true}", "{log: {}}"),
    ],
)
def test_the_same_said_otherwise_is_no_change(old: str, new: str, tmp_path: Path) -> None:
    assert _static(tmp_path, (old, new)).changes == ()


@pytest.mark.parametrize(
    ("old", "new", "path", "effect"),
    [
        ("mode: shadow", "mode: enforce", "p.mode", "stricter"),
        ("mode: shadow", "mode: disabled", "p.mode", "looser"),
        ("percent: 25%", "percent: 50%", "p.rollout.percent", "stricter"),
        ("holdout: 2%", "holdout: 1%", "p.rollout.holdout", "stricter"),
        ("cap: 50", "cap: 40", "p.cap", "looser"),
        ("combine: max", "combine: sum", "p.combine", "stricter"),
        ("combine: max", "combine: all", "p.combine", "looser"),
        ("title: One", "title: Two", "p.title", "neutral"),
        ("why: old", "why: new", "p.signals.rare.why", "neutral"),
        ("{request.stream: true}", "{request.stream: false}", "p.match", "neutral"),
        ("points: 20", "points: 25", "p.signals.burst.points", "stricter"),
        ("[10, 100]", "[5, 100]", "p.signals.burst.ramp", "stricter"),
        ("[10, 100]", "[10, 200]", "p.signals.burst.ramp", "looser"),
        ("[10, 100]", "[5, 200]", "p.signals.burst.ramp", "neutral"),
        ("[10, 100]", "[100, 10]", "p.signals.burst.ramp", "neutral"),
        ("[0.5, 0.1]", "[0.6, 0.1]", "p.signals.rare.ramp", "stricter"),
        ("[0.5, 0.1]", "[0.4, 0.1]", "p.signals.rare.ramp", "looser"),
        ("min: 40", "min: 20", "p.signals.rare.ratio.min", "stricter"),
        ("request.n: 2", "request.n: 3", "p.signals.rare.ratio.where", "neutral"),
        ("over: 60m", "over: 2h", "p.signals.burst.count.over", "neutral"),
        ("of: requests", "of: prompts", "p.signals.burst.count.of", "neutral"),
        ("points: 5}", "points: 5, floor: watch}", "p.signals.canary.floor", "stricter"),
        ("at: 50", "at: 45", "ladder default.rungs.throttle.at", "stricter"),
        ("policies: 2", "policies: 3", "ladder default.rungs.refuse.requires.policies", "looser"),
        ("max_top: 5", "max_top: 3", "ladder default.rungs.narrow.do.logprobs.max_top", "stricter"),
        ("by: 1s", "by: 2s", "ladder default.rungs.perturb.do.delay.by", "stricter"),
        ("regex: abc", "regex: abc+", "patterns words.items.one.regex", "neutral"),
        ("effect: {ramp: 2x}", "effect: {ramp: 3x}", "exemption nightly.effect.ramp", "looser"),
        ("effect: {ramp: 2x}", "effect: {ramp: 1.5x}", "exemption nightly.effect.ramp", "stricter"),
    ],
)
def test_a_change_is_named_by_its_path_and_judged(
    old: str, new: str, path: str, effect: str, tmp_path: Path
) -> None:
    found = _one(tmp_path, old, new)
    assert (found[0], found[3]) == (path, effect)
    assert found[1] != found[2]


@pytest.mark.parametrize(
    ("old", "path", "effect"),
    [
        ("  canary: {request: {request.echo: true}, points: 5}\n", "p.signals.canary", "looser"),
        (", two: {regex: xyz, match: [xyz]}", "patterns words.items.two", "looser"),
        (", {cap: {n: 1}}", "ladder default.rungs.narrow.do.cap", "looser"),
        (EXEMPTION, "exemption nightly", "stricter"),
        (TENANT, "tenant big", "neutral"),
    ],
)
def test_what_is_gone_or_new_is_one_change(old: str, path: str, effect: str, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    assert _one(tmp_path / "gone", old, "") == (path, "there", None, effect)
    gone = _static_of(tmp_path / "gone" / "b", tmp_path / "gone" / "a")
    (change,) = gone.changes
    opposite = {"looser": "stricter", "stricter": "looser", "neutral": "neutral"}
    assert (change.path, change.before, change.effect) == (path, None, opposite[effect])


def _static_of(before: Path, after: Path) -> Static:
    return static(load_bundle(before), load_bundle(after), values(before), values(after))


def test_counters_follow_what_is_measured_and_not_the_names(tmp_path: Path) -> None:
    found = _static(
        tmp_path, ("of: requests", "of: prompts"), ("  rare:", "  renamed:"), ("  canary:", "  c:")
    )
    assert found.counters.lost == ("p.burst",)
    assert found.counters.kept == ("p.renamed",)
    assert found.counters.new == ()
    assert found.counters.gone == ("p.rare",)
    assert found.count("neutral") == 1


def test_a_new_signal_starts_with_an_empty_window(tmp_path: Path) -> None:
    more = ("  canary:", "  more: {distinct: {of: models, over: 1h}, ramp: [1, 2], points: 1}\n  canary:")
    found = _static(tmp_path, more)
    assert found.counters.new == ("p.more",)
    assert "New signals start with empty windows: p.more" in _words(found)


def _words(found: Static) -> str:
    made = unplayed(bundle(policy("signals: {s: {request: {request.n: 1}, points: 9}}")), found)
    return " ".join(text(headline(made), comparison_sections(made)).split())


# --- gates and the comparison --------------------------------------------------------------------------


def test_gates_ask_for_anything_that_the_comparison_counts(tmp_path: Path) -> None:
    changed = _static(tmp_path, ("cap: 50", "cap: 40"))
    active = cases(
        *crowd("benign", 3), *crowd("attack", 2, score=55, rung="throttle"), labels=known("benign", "attack")
    )
    candidate = cases(
        *crowd("benign", 2, score=55, rung="throttle"), entry("benign0002"), *crowd("attack", 2),
        labels=known("benign", "attack"),
    )  # fmt: skip
    gates = ["benign_new_throttle <= 0", "caught_lost<2", "looser == 1", "benign_p > 0.1", "better != 9"]
    made = compared(active, candidate, changed, "shadow", gates)
    assert [(gate.value, gate.passed) for gate in made.gates] == [
        (2, False),
        (2, False),
        (1, True),
        (pytest.approx(0.5), True),
        (2, True),
    ]
    assert not made.passed
    words = " ".join(text(headline(made), comparison_sections(made)).split())
    assert "2 of 5 failed" in words
    assert "FAILED" in words
    assert "5 requests · 5 principals · shadow track" in words
    assert compared(active, candidate, changed, "shadow", ["worse >= 2"]).passed
    assert "All hold" in " ".join(
        text((), comparison_sections(compared(active, active, changed, "shadow", ["worse < 1"]))).split()
    )


def test_gates_that_cannot_be_read_are_told_before_any_traffic_is(tmp_path: Path) -> None:
    changed = _static(tmp_path)
    one = bundle(policy("signals: {s: {request: {request.n: 1}, points: 9}}"))
    with pytest.raises(ConfigError) as caught:
        known_gates(one, one, changed, ["benin_new_throttle <= 0", "worse = 0", "zzz < 1", "worse <= 0"])
    messages = [message for _, message in caught.value.problems]
    assert "did you mean 'benign_new_throttle'" in messages[0]
    assert "write a gate as NAME <= NUMBER" in messages[1]
    assert "unknown name 'zzz': benign_better" in messages[2]
    known_gates(one, one, changed, ["new_refuse <= 0"])


def test_caught_means_the_acting_rung() -> None:
    one = cases(entry("x", score=55, rung="throttle"), labels={"x": "attack"})
    nobody = cases(entry("x"), labels={"x": "attack"})
    changed = Static("a", "b", (), Counters((), (), (), ()))
    found = quantities(of_bundles(one, nobody, "shadow"), changed, acting(one.bundle))
    assert (found["caught_lost"], found["caught_new"], found["extraction_released_narrow"]) == (1, 0, 1)
    assert check_gates([], found) == ()


def test_the_enforced_track_is_shown_as_soon_as_anything_may_act() -> None:
    signal = "signals: {s: {request: {request.n: 1}, points: 9}}"
    shadow, enforced = bundle(policy(signal, mode="shadow")), bundle(policy(signal))
    assert track_of((shadow, shadow)) == "shadow"
    assert track_of((shadow, enforced)) == "enforced"


def test_long_values_are_cut_in_words(tmp_path: Path) -> None:
    found = _static(tmp_path, ("title: One", f"title: {'long ' * 40}"))
    assert "…" in _words(found)
    assert found.changes[0].after == ("long " * 40).strip()
    assert "counters kept: all" in _words(found)

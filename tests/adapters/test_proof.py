"""Policies are used only once their smoke tests have passed, wherever they are read."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from gateway.adapters.proof import load_proven, proven_files, smoke_test
from gateway.errors import ConfigError
from gateway.policies.load import load_bundle
from gateway.source import Source
from tests.reloads import RULES, rules, write

CASE = """\
kind: tests
title: T
cases:
  - name: a person is left alone
    tags: [smoke]
    traffic: [{every: 1m, times: 10}]
    expect: [{rung: none}]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write(tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "t.yaml").write_text(CASE)
    return tmp_path


def proves(home: Path) -> bool:
    """Whether the policies are taken as they are, without a word."""
    made = load_proven(home)
    return (made.hash, made.warnings) == (load_bundle(home).hash, ())


def test_policies_whose_smoke_tests_pass_are_the_same_as_without(home: Path) -> None:
    assert proves(home)


def test_a_promise_that_is_broken_is_an_error_with_its_place(home: Path) -> None:
    (home / RULES).write_text(rules(points=30))
    with pytest.raises(ConfigError) as caught:
        load_proven(home)
    ((place, message),) = caught.value.problems
    assert (place.file, place.line, place.column) == (str(home / "tests" / "t.yaml"), 7, 14)
    assert message.startswith("smoke test 'a person is left alone': rung is watch, not none")


def test_a_smoke_test_of_what_is_not_there_is_an_error(home: Path) -> None:
    (home / "tests" / "t.yaml").write_text(CASE.replace("rung: none", "never: wach"))
    with pytest.raises(ConfigError, match=r"t.yaml:7:.*: no rung 'wach' here \(did you mean 'watch'\?\)"):
        load_proven(home)


def test_other_tests_hold_nothing_back(home: Path) -> None:
    (home / RULES).write_text(rules(points=30))
    (home / "tests" / "t.yaml").write_text(CASE.replace("smoke", "nightly"))
    (home / "tests" / "odd.yaml").write_text("kind: [")
    assert proves(home)
    (home / "tests" / "t.yaml").write_text(CASE.replace("smoke", "smoke-signals"))
    assert proves(home)


@pytest.mark.parametrize("mistake", ["kind: [smoke", None])
def test_a_file_of_smoke_tests_that_cannot_be_read_is_an_error(mistake: str | None, home: Path) -> None:
    odd = home / "tests" / "odd.yaml"
    if mistake is None:
        odd.symlink_to("nowhere")
    else:
        odd.write_text(mistake)
    with pytest.raises(ConfigError, match=f"^{odd}.*error: "):
        load_proven(home)


def test_smoke_tests_without_time_are_warned_of_and_hold_nothing_back(home: Path) -> None:
    (home / RULES).write_text(rules(points=30))
    clock = count()
    (advice,) = load_proven(home, budget=5, spent=lambda: float(next(clock))).warnings
    assert str(advice) == (
        f"{home}/tests/t.yaml:4:11: warning: the smoke tests have used their 5 s, and this one was not run"
    )


def test_without_a_budget_all_are_run(home: Path) -> None:
    clock = count(step=1000)
    assert smoke_test(home, load_bundle(home), spent=lambda: float(next(clock))) == ()


def test_a_change_of_a_test_shows_as_one_of_a_policy_does(home: Path) -> None:
    elsewhere = home.with_name("elsewhere")
    write(elsewhere)
    (home / "linked").symlink_to(elsewhere)
    source = Source(home, load_proven, files=proven_files)
    seen = [source.signature()]
    (home / "tests" / "t.yaml").write_text(CASE + "\n")
    seen.append(source.signature())
    (elsewhere / RULES).write_text(rules(points=2))
    seen.append(source.signature())
    assert len(set(seen)) == 3
    assert [*proven_files(home / RULES)] == [home / RULES]


def test_the_tests_are_not_kept_with_the_policies(home: Path) -> None:
    """What starts as the last known good bundle has been proved already."""
    assert set(Source(home, load_proven, files=proven_files).read().files) == {RULES}

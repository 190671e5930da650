"""The shipped pack keeps what policies/tests promises, and promises something about everyone it may hit."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.policytests.load import load_suites
from gateway.policytests.smoke import SMOKE
from gateway.policytests.suites import Case
from tests.policies.test_shipped import POLICIES

ROOT = Path(__file__).parents[2] / "policies"
CASES = [case for suite in load_suites([ROOT]) for case in suite.cases()]


def _benign(case: Case) -> bool:
    return all(stream.label == "benign" for stream in case.document.traffic)


def _never(case: Case) -> bool:
    return any(expect.never for expect in case.document.expect)


def test_every_promise_is_kept_and_every_signal_fires(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    words = ("--fail-on-empty", "--min-coverage", "100%", "-o", "json", "--quiet")
    assert main(["test", str(ROOT), *words]) == 0
    report = json.loads(capsysbinary.readouterr().out)
    assert report["counts"]["passed"] == len(CASES) - report["counts"]["gaps"]
    assert report["coverage"]["signals"]["missing"] == []
    assert report["coverage"]["rungs"]["missing"] == []
    assert report["coverage"]["patterns"]["missing"] == []


def test_every_honest_case_promises_that_nobody_is_throttled() -> None:
    for case in filter(_benign, CASES):
        promised = {rung for expect in case.document.expect for rung in expect.never or ()}
        calm = any(expect.rung == "none" for expect in case.document.expect)
        assert calm or promised & {"watch", "throttle", "perturb"}, case.name


@pytest.mark.parametrize("policy", POLICIES)
def test_everybody_whom_a_policy_may_hit_has_a_promise(policy: str) -> None:
    promises = Counter(tag for case in CASES if _benign(case) and _never(case) for tag in case.document.tags)
    assert promises[policy] >= len(POLICIES[policy]["false_positives"])


def test_every_policy_is_promised_to_be_silent_somewhere_and_fires_elsewhere() -> None:
    expects = [expect for case in CASES if case.document.known_gap is None for expect in case.document.expect]
    silent = {name.partition(".")[0] for expect in expects for name in expect.silent or ()}
    assert silent == set(POLICIES)
    fired = {name for expect in expects for name in expect.fired}
    assert fired == {f"{name}.{signal}" for name, policy in POLICIES.items() for signal in policy["signals"]}


def test_every_case_says_which_policies_it_is_about() -> None:
    strangers = {case.name: set(case.document.tags) - {*POLICIES, SMOKE} for case in CASES}
    assert [name for name, unknown in strangers.items() if unknown] == []
    assert [case.name for case in CASES if not {*case.document.tags} - {SMOKE}] == []


def test_smoke_tests_promise_that_people_are_left_alone_and_still_do_when_a_policy_is_disabled() -> None:
    smoke = [case for case in CASES if SMOKE in case.tags]
    assert smoke
    assert [case.name for case in smoke if not _benign(case)] == []
    assert [case.name for case in smoke if any(expect.fired for expect in case.document.expect)] == []

"""Smoke tests: those that fail are told with their places, those without time are named and judge nothing."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.proof import started
from gateway.policytests.smoke import Proof, prove
from tests.policytests.support import BUNDLE, one, suite

CASES = """
- name: fine
  traffic: [{every: 1m, times: 3}]
  expect: [{rung: none}]
- name: broken
  traffic: [{every: 1s, times: 60}]
  expect: [{rung: none}, {score: {lt: 1}}]
- name: a gap that is one
  known_gap: later
  traffic: [{every: 1s, times: 1}]
  expect: [{rung: watch}]
- name: a gap that is closed
  known_gap: never
  traffic: [{every: 1s, times: 1}]
  expect: [{rung: none}]
"""
REQUESTS = 3 + 60 + 1 + 1


def ticking(requests: int) -> Iterator[bool]:
    """Time for so many requests and no more."""
    yield from (number < requests for number in range(REQUESTS + 1))


def proved(requests: int) -> Proof:
    ticks = ticking(requests)
    return prove(suite(CASES).cases(), BUNDLE, started, lambda: next(ticks))


def test_each_promise_that_is_not_kept_has_its_case_and_place() -> None:
    proof = proved(REQUESTS)
    assert proof.not_run == ()
    assert [(one.place.line, one.message.partition(" (")[0]) for one in proof.failures] == [
        (9, "smoke test 'broken': rung is narrow, not none"),
        (9, "smoke test 'broken': score is 36.0, not < 1"),
    ]


@given(st.integers(0, REQUESTS))
def test_what_was_not_run_to_its_end_is_named_and_fails_nothing(requests: int) -> None:
    proof = proved(requests)
    ran = 4 - len(proof.not_run)
    assert ran == sum(requests >= needed for needed in (3, 63, 64, 65))
    assert bool(proof.failures) is (ran >= 2)
    assert [case.name for case in proof.not_run] == [case.name for case in suite(CASES).cases()][ran:]


def test_a_case_has_its_own_tags_and_those_of_its_document() -> None:
    case = one("every: 1s, times: 1", more="tags: [smoke]", tags="[nightly]")
    assert case.tags == {"smoke", "nightly"}
    assert one("every: 1s, times: 1").tags == frozenset()

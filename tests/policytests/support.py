"""Test documents in a line or two, over a small bundle of known numbers."""

from __future__ import annotations

from textwrap import indent

from gateway.adapters.proof import started
from gateway.policies.bundle import Bundle
from gateway.policytests.coverage import Coverage
from gateway.policytests.references import check_references
from gateway.policytests.run import Result, run_cases
from gateway.policytests.schema import SuiteDocument
from gateway.policytests.suites import Case, Suite
from gateway.strict_yaml import parse
from tests.support import bundle, policy

COUNTING = policy(
    """
    signals:
      many: {count: {of: requests, over: 1h}, ramp: [0, 100], points: 60, why: "{value:.0f} in {over}"}
      wide: {field: request.top_logprobs, ramp: [0, 20], points: 30}
    """,
    id="counting",
)
ECHO = policy("signals: {echo: {request: {request.echo: true}, points: 40}}", id="echoing", cap=40)
PHRASES = """---
kind: patterns
id: phrases
title: Phrases
items:
  one: {regex: 'alpha beta', match: [alpha beta], pass: [beta]}
  two: {regex: 'gamma delta', match: [gamma delta], pass: [delta]}
"""
WORDY = policy("signals: {said: {request: {prompt.user: {matches: '@phrases'}}, points: 10}}", id="wordy")
BUNDLE = bundle(COUNTING, ECHO, PHRASES, WORDY)


def suite(cases: str, **head: str) -> Suite:
    """The checked document with these cases."""
    lines = "".join(f"{key}: {value}\n" for key, value in head.items())
    text = f"kind: tests\ntitle: T\n{lines}cases:\n{indent(cases.strip(), '  ')}\n"
    (document,) = parse(text.encode(), "t.yaml")
    return Suite(document, SuiteDocument.model_validate(document.value))


def one(traffic: str, expect: str = "rung: none", more: str = "", **head: str) -> Case:
    """A case with one stream and one expectation; `more` are further keys of the case."""
    extra = f"\n  {more}" if more else ""
    found = suite(f"- name: it\n  traffic: [{{{traffic}}}]\n  expect: [{{{expect}}}]{extra}", **head)
    return next(found.cases())


def result(case: Case, policies: Bundle = BUNDLE, *, metamorphic: bool = False) -> Result:
    """What came of a case."""
    check_references([case.suite], policies)
    (found,) = run_cases([case], policies, started, Coverage(policies), metamorphic=metamorphic)
    return found


def said(case: Case, policies: Bundle = BUNDLE, *, metamorphic: bool = False) -> list[str]:
    """The messages of a case's failures."""
    return [failure.message for failure in result(case, policies, metamorphic=metamorphic).failures]

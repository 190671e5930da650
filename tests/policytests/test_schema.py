"""What a test document may say: each mistake is named at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.policytests.load import load_suites
from gateway.policytests.references import check_references
from tests.policytests.support import BUNDLE, suite

HEAD = "kind: tests\ntitle: T\ncases:\n"
CASE = "  - name: it\n    traffic: [{every: 1s, times: 2}]\n    expect: [{rung: none}]\n"


def problems(tmp_path: Path, text: str) -> str:
    path = tmp_path / "t.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        check_references(load_suites([path]), BUNDLE)
    return str(caught.value).replace(f"{path}:", "")


def traffic(stream: str, expect: str = "rung: none") -> str:
    return f"{HEAD}  - name: it\n    traffic: [{{{stream}}}]\n    expect: [{{{expect}}}]\n"


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (
            "every: 1s",
            "5:15: error: cases.0.traffic.0: write 'every' with either 'for' or 'times' (or 'file')",
        ),
        ("times: 2", "write 'every' with either 'for' or 'times'"),
        ("every: 1s, times: 2, for: 1h", "write 'every' with either 'for' or 'times'"),
        ("every: 60, times: 2", "5:23: error: cases.0.traffic.0.every: write a duration with its unit"),
        ("every: 1ms, for: 7d", "more than 1,000,000 requests"),
        (
            "every: 1s, times: 2, promt: hi",
            ": error: cases.0.traffic.0: unknown key 'promt' (did you mean 'prompt'?)",
        ),
        ("every: 1s, times: 2, prompt: 'a {wrods}'", "unknown placeholder '{wrods}' (did you mean 'words'?)"),
        ("every: 1s, times: 2, route: /v1/chatt", "no known route: '/v1/chatt'"),
        ("every: 1s, times: 2, label: attack", "'attack' is not one of benign, extraction"),
        ("every: 1s, times: 2, as: acme", "no person 'acme' here"),
        ("file: a.jsonl, every: 1s, as: x", "a 'file' brings its own as, every"),
    ],
)
def test_traffic_that_means_nothing_is_named(tmp_path: Path, stream: str, message: str) -> None:
    assert message in problems(tmp_path, traffic(stream))


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("at: end", "6:14: error: cases.0.expect.0: write a promise: rung, score, fired, silent, never"),
        ("at: 10, rung: none", "6:19: error: cases.0.expect.0.at: write a duration with its unit"),
        (
            "rung: throtle",
            "6:21: error: cases.0.expect.0.rung: no rung 'throtle' here (did you mean 'throttle'?)",
        ),
        ("never: refused", "no rung 'refused' here (did you mean 'refuse'?)"),
        ("reaches: [wach]", "no rung 'wach' here (did you mean 'watch'?)"),
        ("reaches: {watch: {within: 5}}", "reaches.watch.within: write a duration"),
        ("fired: [counting.mny]", "no signal 'counting.mny' here (did you mean 'counting.many'?)"),
        ("fired: {counting.many: {value: {}}}", "write a number, or one of eq, ne"),
        ("fired: counting.many", "fired: write a mapping"),
        ("silent: [count]", "no signal or policy 'count' here"),
        ("score: {below: 20}", "unknown key 'below'"),
        ("rung: none, who: sombody", "no sender 'sombody' here (did you mean 'somebody'?)"),
        ("response: {applied: [lag]}", "no response 'lag' here (did you mean 'log'?)"),
    ],
)
def test_a_promise_that_means_nothing_is_named(tmp_path: Path, expect: str, message: str) -> None:
    assert message in problems(tmp_path, traffic("every: 1s, times: 2", expect))


def test_names_are_looked_for_among_the_policies_that_the_document_is_about(tmp_path: Path) -> None:
    case = CASE.replace("rung: none", "silent: counting")
    text = f"kind: tests\ntitle: T\npolicies: [echoing]\ncases:\n{case}"
    assert "no signal or policy 'counting' here" in problems(tmp_path, text)


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    text = f"kind: tests\ntitle: T\npolicies: [echo]\ncases:\n{CASE}"
    assert "3:12: error: policies.0: no policy 'echo' here (did you mean 'echoing'?)" in problems(
        tmp_path, text
    )


def test_two_cases_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "7:5: error: cases.1.name: this name is taken already" in problems(tmp_path, HEAD + CASE + CASE)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = traffic("every: 1s, times: 2, pace: fast", "scor: 3")
    assert len(problems(tmp_path, text).splitlines()) == 2


def test_every_name_that_exists_is_accepted() -> None:
    found = suite(
        """
- name: it
  traffic: [{as: ann, every: 1s, times: 2, principals: 2}, {every: 1s, times: 1}]
  expect:
    - {fired: {counting.many: }, silent: [echoing, wordy.said], never: throttle, who: [ann, ann-2, somebody]}
    - {reaches: {watch: }, response: {would: [log]}}
""",
        people="{ann: {org: o}}",
    )
    check_references([found], BUNDLE)

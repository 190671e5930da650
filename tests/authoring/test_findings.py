"""Findings in the forms that people and machines read."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from gateway.authoring.findings import FORMS, Checked, Finding
from gateway.errors import Place

BAD = Checked(
    "bad",
    ("bad/a.yaml", "bad/c.yaml"),
    "2 files",
    (
        Finding(Place("bad/a.yaml", 3, 5), "error", "unknown key '<b>' (did you mean 'c'?)"),
        Finding(Place("bad/b.yaml"), "error", "100% wrong:\na, b"),
        Finding(Place("bad/a.yaml", 1, 1), "warning", "no owner"),
    ),
)
GOOD = Checked("good", ("good/a.yaml",), "1 file", ())


def test_text_has_a_line_for_each_finding_and_closes_with_the_counts() -> None:
    assert FORMS["text"]([BAD, GOOD]).splitlines() == [
        "bad/a.yaml:3:5: error: unknown key '<b>' (did you mean 'c'?)",
        "bad/b.yaml: error: 100% wrong:",
        "a, b",
        "bad/a.yaml:1:1: warning: no owner",
        "2 files — 2 errors, 1 warning",
        "1 file — 0 errors, 0 warnings",
    ]


def test_json_carries_every_part() -> None:
    bad, good = json.loads(FORMS["json"]([BAD, GOOD]))["bundles"]
    assert (bad["origin"], bad["summary"], bad["errors"], bad["warnings"]) == ("bad", "2 files", 2, 1)
    assert bad["findings"][0] == {
        "file": "bad/a.yaml",
        "line": 3,
        "column": 5,
        "severity": "error",
        "message": "unknown key '<b>' (did you mean 'c'?)",
    }
    assert (good["errors"], good["findings"]) == (0, [])


def test_github_gets_one_escaped_command_for_each_finding() -> None:
    assert FORMS["github"]([BAD, GOOD]).splitlines() == [
        "::error file=bad/a.yaml,line=3,col=5::unknown key '<b>' (did you mean 'c'?)",
        "::error file=bad/b.yaml::100%25 wrong:%0Aa, b",
        "::warning file=bad/a.yaml,line=1,col=1::no owner",
    ]
    odd = Checked("x", (), "", (Finding(Place("a,b:c.yaml", 1, 1), "error", "no"),))
    assert FORMS["github"]([odd]) == "::error file=a%2Cb%3Ac.yaml,line=1,col=1::no\n"


def test_junit_has_a_case_for_each_file_that_fails_by_its_errors() -> None:
    root = ET.fromstring(FORMS["junit"]([BAD, GOOD]).partition("\n")[2])
    bad, good = root.findall("testsuite")
    assert (bad.get("tests"), bad.get("failures")) == ("3", "2")
    assert [case.get("name") for case in bad] == ["bad/a.yaml", "bad/b.yaml", "bad/c.yaml"]
    failure, output = bad[0]
    assert failure.get("message") == failure.text == str(BAD.findings[0])
    assert (output.tag, output.text) == ("system-out", str(BAD.findings[2]))
    assert list(bad[2]) == []
    assert (good.get("tests"), good.get("failures")) == ("1", "0")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_nothing_is_well_formed(form: str) -> None:
    assert FORMS[form]([]).endswith("\n") or FORMS[form]([]) == ""

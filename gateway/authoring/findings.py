"""What a check found, in the forms that people, editors and continuous integration read.

text     file:line:col: error: message
json     one document with every finding
github   workflow commands, shown as annotations in a pull request
junit    one test case for each file, failed by its errors
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

import msgspec

from gateway.errors import Place

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake or one piece of advice, and where it stands."""

    place: Place
    severity: Severity
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.message}"


@dataclass(frozen=True, slots=True)
class Checked:
    """One bundle after its check: what was found, in the order of the text, and what it holds in words."""

    origin: str
    files: tuple[str, ...]
    summary: str
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return sum(finding.severity == severity for finding in self.findings)


def text(checks: Sequence[Checked]) -> str:
    """A line for each finding, and one for each bundle that closes with the counts."""
    lines: list[str] = []
    for checked in checks:
        lines += map(str, checked.findings)
        errors, warnings = checked.count("error"), checked.count("warning")
        counts = f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
        lines.append(f"{checked.summary} — {counts}")
    return "".join(f"{line}\n" for line in lines)


def as_json(checks: Sequence[Checked]) -> str:
    """`{bundles: [{origin, summary, errors, warnings, findings: […]}]}`, indented."""
    bundles = [
        {
            "origin": checked.origin,
            "summary": checked.summary,
            "errors": checked.count("error"),
            "warnings": checked.count("warning"),
            "findings": [
                {
                    "file": finding.place.file,
                    "line": finding.place.line,
                    "column": finding.place.column,
                    "severity": finding.severity,
                    "message": finding.message,
                }
                for finding in checked.findings
            ],
        }
        for checked in checks
    ]
    return msgspec.json.format(msgspec.json.encode({"bundles": bundles}), indent=2).decode() + "\n"


def github(checks: Sequence[Checked]) -> str:
    """GitHub's workflow commands; `%`, line ends and, in properties, `:` and `,` are escaped as it asks."""
    lines = [_command(finding) for checked in checks for finding in checked.findings]
    return "".join(f"{line}\n" for line in lines)


def _command(finding: Finding) -> str:
    place = finding.place
    where = f"file={_escaped(place.file, ':,')}"
    if place.line:
        where += f",line={place.line},col={place.column}"
    return f"::{finding.severity} {where}::{_escaped(finding.message)}"


def _escaped(value: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        value = value.replace(character, f"%{ord(character):02X}")
    return value


def junit(checks: Sequence[Checked]) -> str:
    """JUnit XML: a suite for each bundle, a case for each file; warnings stand in the case's output."""
    root = ET.Element("testsuites", name="gateway check")
    for checked in checks:
        files = sorted({*checked.files, *(finding.place.file for finding in checked.findings)})
        suite = ET.SubElement(root, "testsuite", name=checked.origin, tests=str(len(files)))
        failed = 0
        for file in files:
            found = [finding for finding in checked.findings if finding.place.file == file]
            case = ET.SubElement(suite, "testcase", classname=checked.origin, name=file)
            errors = [str(finding) for finding in found if finding.severity == "error"]
            warnings = [str(finding) for finding in found if finding.severity == "warning"]
            if errors:
                failed += 1
                ET.SubElement(case, "failure", message=errors[0]).text = "\n".join(errors)
            if warnings:
                ET.SubElement(case, "system-out").text = "\n".join(warnings)
        suite.set("failures", str(failed))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


FORMS: Mapping[str, Callable[[Sequence[Checked]], str]] = {
    "text": text,
    "json": as_json,
    "github": github,
    "junit": junit,
}
"""The outputs by their names on the command line."""

"""What came of the tests, for people (text), for programs (JSON) and for build servers (JUnit XML).

No times and no dates: equal policies and tests give equal bytes.
"""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.model import JSON
from gateway.policytests.coverage import Share
from gateway.policytests.run import Result
from gateway.policytests.schema import NO_RUNG
from gateway.policytests.trail import UNRANKED

_WORDS = {"ok": "ok", "fail": "FAIL", "gap": "GAP", "fixed": "FIXED"}
_STYLES = {"ok": "green", "fail": "bold red", "gap": "yellow", "fixed": "bold red"}
_WIDTH = 110
NAMED = 8
"""Untouched things named in one line of text; the JSON names all."""


@dataclass(frozen=True, slots=True)
class Report:
    """All results with what they touched; `rungs` from the lowest."""

    bundle: str
    rungs: tuple[str, ...]
    results: Sequence[Result]
    coverage: Mapping[str, Share]

    def counts(self) -> dict[str, int]:
        """How many cases passed, failed, or are known gaps."""
        verdicts = Counter(result.verdict for result in self.results)
        failed = verdicts["fail"] + verdicts["fixed"]
        return {"passed": verdicts["ok"], "failed": failed, "gaps": verdicts["gap"]}

    def confusion(self) -> dict[str, dict[str, int]]:
        """label → highest rung → senders; those without a label are left out, and so are known gaps."""
        table: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys((NO_RUNG, *self.rungs), 0))
        for result in self.results:
            for label, rank in result.peaks.values() if result.verdict != "gap" else ():
                if label is not None:
                    table[label.partition(":")[0]][NO_RUNG if rank == UNRANKED else self.rungs[rank]] += 1
        return dict(sorted(table.items()))


# --- text ----------------------------------------------------------------------------------------------


def text(report: Report, *, color: bool = False) -> str:
    """One line for each case; failures say only what differs, and where it was promised."""
    out = io.StringIO()
    console = Console(
        file=out, width=_WIDTH, force_terminal=color, color_system="standard" if color else None
    )
    for result in report.results:
        _say(console, *_case(result))
    counts = report.counts()
    gaps = f", {counts['gaps']} known gap{'' if counts['gaps'] == 1 else 's'}" if counts["gaps"] else ""
    _say(console, Text(f"{counts['passed']} passed, {counts['failed']} failed{gaps}"))
    _say(console, *_covered(report.coverage))
    if confusion := report.confusion():
        console.print(_table(report, confusion))
    return out.getvalue()


def _say(console: Console, *lines: Text) -> None:
    for line in lines:
        console.print(line, soft_wrap=True)


def _case(result: Result) -> list[Text]:
    head = Text("  ").append(f"{_WORDS[result.verdict]:<6}", _STYLES[result.verdict]).append(result.name)
    if result.verdict == "ok":
        head.append(f"  ({result.requests} request{'' if result.requests == 1 else 's'})", "dim")
    elif result.verdict == "gap":
        head.append(f"  ({result.gap})", "dim")
    else:
        head.append(f"   {result.place}", "dim")
    return [head, *(Text(f"          {one.message}   {one.place}") for one in result.failures)]


_VERBS = {"signals": "fired", "rungs": "reached", "patterns": "matched", "exemptions": "applied"}


def _covered(coverage: Mapping[str, Share]) -> list[Text]:
    parts = (f"{one.touched}/{one.all} {kind} {_VERBS[kind]}" for kind, one in coverage.items())
    never = (
        f"  never {_VERBS[kind]}: {', '.join(one.missing[:NAMED])}{', …' if len(one.missing) > NAMED else ''}"
        for kind, one in coverage.items()
        if one.missing
    )
    return [Text(f"coverage: {', '.join(parts)}"), *map(Text, never)]


def _table(report: Report, confusion: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table("highest rung", *confusion, title="Senders by label")
    for rung in (NO_RUNG, *report.rungs):
        table.add_row(rung, *(str(counts[rung]) for counts in confusion.values()))
    return table


# --- JSON and JUnit ------------------------------------------------------------------------------------


def as_json(report: Report) -> bytes:
    """One stable object: `bundle`, `counts`, `cases`, `coverage`, `labels`."""
    cases: list[JSON] = [
        {
            "name": result.name,
            "place": str(result.place),
            "verdict": result.verdict,
            "requests": result.requests,
            "known_gap": result.gap or None,
            "failures": [{"place": str(one.place), "message": one.message} for one in result.failures],
        }
        for result in report.results
    ]
    coverage = {
        kind: {"touched": one.touched, "all": one.all, "missing": list(one.missing)}
        for kind, one in report.coverage.items()
    }
    document = {
        "bundle": report.bundle,
        "counts": report.counts(),
        "cases": cases,
        "coverage": coverage,
        "labels": report.confusion(),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def junit(report: Report) -> bytes:
    """One `testcase` for each case, by file; known gaps are skipped ones."""
    root = ElementTree.Element("testsuites", name="gateway test")
    by_file: dict[str, list[Result]] = defaultdict(list)
    for result in report.results:
        by_file[result.place.file].append(result)
    for file, results in by_file.items():
        failed = sum(not result.passed for result in results)
        gaps = sum(result.verdict == "gap" for result in results)
        suite = ElementTree.SubElement(root, "testsuite", name=file)
        for key, number in (("tests", len(results)), ("failures", failed), ("skipped", gaps)):
            suite.set(key, str(number))
        for result in results:
            _testcase(suite, result)
    ElementTree.indent(root)
    page: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return page + b"\n"


def _testcase(suite: ElementTree.Element, result: Result) -> None:
    place = result.place
    case = ElementTree.SubElement(
        suite, "testcase", classname=place.file, name=result.name, file=place.file, line=str(place.line)
    )
    if result.verdict == "gap":
        ElementTree.SubElement(case, "skipped", message=f"known gap: {result.gap}")
    if result.failures:
        failure = ElementTree.SubElement(case, "failure", message=result.failures[0].message)
        failure.text = "\n".join(f"{one.place}: {one.message}" for one in result.failures)

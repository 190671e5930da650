"""The page: self-contained, escaped, whole; and what a real browser makes of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gateway.evaluation.cases import HOUR
from gateway.evaluation.entries import Stand
from gateway.evaluation.page import COLUMNS, page
from gateway.evaluation.report import report
from gateway.evaluation.sections import FOOTER
from tests.chromium import render
from tests.evaluation.support import cases, crowd, entry
from tests.evaluation.test_report import HIT, NASTY, busy

_VOID = {"meta", "br", "img", "link", "input"}


class _Balance(HTMLParser):
    """Collects tags, attributes, and those that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs


def _parsed(text: str) -> _Balance:
    parser = _Balance()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture(scope="module")
def whole() -> str:
    """The page of a busy period, with drift."""
    return page(report(busy(), previous=report(cases(*crowd("benign", 50)))), FOOTER)


def test_the_page_is_well_formed_and_refers_to_nothing_outside(whole: str) -> None:
    parser = _parsed(whole)
    assert parser.tags.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "image", "use"})
    addresses = [value for name, value in parser.attributes if name in ("href", "src", "data", "action")]
    assert addresses
    assert all(value is not None and value.startswith("#") for value in addresses)
    assert not [name for name, _ in parser.attributes if name.startswith("on")]
    assert "default-src 'none'" in whole
    assert not re.search(r"url\(|@import|https?:", whole)


def test_every_link_leads_somewhere(whole: str) -> None:
    attributes = _parsed(whole).attributes
    ids = {value for name, value in attributes if name == "id"}
    assert {f"#{value}" for value in ids} >= {value for name, value in attributes if name == "href"}


def test_names_are_text_whatever_they_look_like(whole: str) -> None:
    assert NASTY not in whole
    assert "&lt;img src=x&gt;" in whole


def test_light_dark_and_paper_are_all_thought_of(whole: str) -> None:
    for query in ("prefers-color-scheme:dark", "@media print", 'name="viewport"'):
        assert query in whole


def test_an_empty_period_is_a_page_too() -> None:
    text = page(report(cases()), FOOTER)
    _parsed(text)
    assert "unknown" in text
    assert "Requests over time" not in text


def test_a_policy_that_is_ready_shows_it() -> None:
    made = report(busy())
    assert "ready for 5%" not in page(made, ())
    ready = replace(made.readiness[0], ready=True, missing=(), gaps=2)
    text = page(replace(made, readiness=(ready,)), ())
    assert "ready for 5%" in text
    assert "2 known gaps" in text


def test_a_long_period_is_drawn_in_few_columns() -> None:
    long = report(cases(*(entry("p", ts=at * 7 * HOUR) for at in range(300))))
    drawing = page(long, ()).partition('id="activity"')[2].partition("</section>")[0]
    assert 0 < drawing.count('class="calm"') - 1 <= COLUMNS


def test_both_directions_of_a_move_have_their_colour() -> None:
    down = entry("down", score=0, enforced=Stand(55, "throttle"))
    text = page(report(cases(down, entry("up", **HIT))), ())
    assert 'class="up"' in text
    assert 'class="down"' in text


@pytest.mark.parametrize("scheme", ["0", "1"])
def test_a_browser_shows_it_without_a_request_or_a_complaint(whole: str, scheme: str, tmp_path: Path) -> None:
    """In both colour schemes (0 is dark, 1 is light)."""
    path = tmp_path / "report.html"
    path.write_text(whole, "utf-8")
    shot = tmp_path / "shot.png"
    seen = render(path, tmp_path, f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={shot}")
    assert seen.console == []
    assert seen.requests == []
    assert seen.dom.count("<svg") == whole.count("<svg")
    assert "Would have fired" in seen.dom


PAPER = 703
"""CSS pixels between the margins of A4, the narrowest paper that reports are printed on."""
MEASURE = """\
<script>
const wide = [...document.querySelectorAll("table,svg,.tile,.card,p,li,h2")]
  .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5);
const dark = getComputedStyle(document.body).backgroundColor;
document.title = JSON.stringify([wide.map(one => one.outerHTML.slice(0, 80)), dark]);
</script>
"""


def on_paper(text: str, home: Path, width: int = PAPER) -> tuple[list[str], str]:
    """What sticks out of the paper and so is clipped, and the paper's colour, as the print styles lay it out.

    A browser tells nothing of its print layout, so the print styles are made those of a screen as wide.
    """
    path = home / "paper.html"
    assert text.count("@media print{") == text.count("default-src 'none'") == 1
    measured = text.replace("@media print{", "@media all{").replace("default-src 'none'", "default-src *")
    measured = measured.replace("'unsafe-inline'", "'unsafe-inline'; script-src 'unsafe-inline'", 1)
    path.write_text(measured.replace("</body>", f"{MEASURE}</body>"), "utf-8")
    dom = render(path, home, f"--window-size={width},2000").dom
    found = json.loads(unescape(dom.partition("<title>")[2].partition("</title>")[0]))
    return found[0], found[1]


def test_on_paper_nothing_is_clipped_and_nothing_is_dark(whole: str, tmp_path: Path) -> None:
    assert on_paper(whole, tmp_path) == ([], "rgb(255, 255, 255)")


def test_a_clipped_table_would_have_been_found(whole: str, tmp_path: Path) -> None:
    clipped, _ = on_paper(whole.replace("overflow-wrap:anywhere", "white-space:nowrap"), tmp_path, 330)
    assert [one for one in clipped if one.startswith("<table")]


def test_it_is_printed_on_a_few_pages_of_one_size(whole: str, tmp_path: Path) -> None:
    path, pdf = tmp_path / "report.html", tmp_path / "report.pdf"
    path.write_text(whole, "utf-8")
    render(path, tmp_path, f"--print-to-pdf={pdf}", "--no-pdf-header-footer")
    printed = pdf.read_bytes()
    boxes = re.findall(rb"/MediaBox \[[^\]]*\]", printed)
    assert len(set(boxes)) == 1
    assert 3 <= len(boxes) <= 6


def test_the_browser_would_have_told(tmp_path: Path) -> None:
    """A page that does ask and complain: otherwise the test above would prove nothing."""
    path = tmp_path / "bad.html"
    path.write_text('<img src="http://127.0.0.1:9/x.png"><script>console.error("oh")</script>', "utf-8")
    seen = render(path, tmp_path)
    assert seen.requests == ["http://127.0.0.1:9/x.png"]
    assert any("oh" in line for line in seen.console)

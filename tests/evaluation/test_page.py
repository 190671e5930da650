"""The page: self-contained, escaped, whole; and what a real browser makes of it."""

from __future__ import annotations

import re
from dataclasses import replace
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


def test_the_browser_would_have_told(tmp_path: Path) -> None:
    """A page that does ask and complain: otherwise the test above would prove nothing."""
    path = tmp_path / "bad.html"
    path.write_text('<img src="http://127.0.0.1:9/x.png"><script>console.error("oh")</script>', "utf-8")
    seen = render(path, tmp_path)
    assert seen.requests == ["http://127.0.0.1:9/x.png"]
    assert any("oh" in line for line in seen.console)

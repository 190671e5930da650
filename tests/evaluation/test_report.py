"""The whole report: its JSON form, exemptions, drift, words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError
from gateway.evaluation.cases import DAY, Cases
from gateway.evaluation.entries import Stand
from gateway.evaluation.report import Report, encode, read_report, report
from gateway.evaluation.sections import (
    FOOTER,
    SHOWN,
    bounded,
    headline,
    percent,
    sections,
    stated,
    tuning_section,
)
from gateway.evaluation.text import markdown, text
from gateway.evaluation.thresholds import tuning
from gateway.statistics import share
from tests.evaluation.support import cases, crowd, entry, known, policies
from tests.support import LADDER, bundle, exemption, policy

HIT: dict[str, Any] = {"score": 55.0, "rung": "throttle", "marks": {"a.one": 50.0, "b.two": 5.0}, "tokens": 9}
NASTY = "<img src=x>|[b](c)*_`#"
EXEMPT = exemption(applies="a", id="nightly")


def busy(**options: Any) -> Cases:
    """A period with something to say in every part."""
    return cases(
        *crowd("benign", 30, org="o"),
        *crowd("attack", 3, ts=8 * DAY, bundle="other", **HIT),
        entry("benign0001", ts=3 * DAY, score=25, rung="watch", marks={"a.one": 25.0}, unscored="why"),
        entry("exempt", ts=DAY, score=5, forgiven={"old": 10.0}),
        entry("exempt", ts=2 * DAY, score=5, forgiven={"old": 20.0}),
        entry(NASTY, score=21, rung="watch"),
        *(entry(f"more{at}", score=3) for at in range(SHOWN)),
        labels=known("benign", "attack"),
        **options,
    )


def said(made: Report) -> str:
    """All of it as text for a terminal, without line breaks."""
    return " ".join(text(headline(made), sections(made), FOOTER).split())


def test_a_report_comes_back_from_its_json(tmp_path: Path) -> None:
    made = report(busy())
    path = tmp_path / "report.json"
    path.write_bytes(encode(made))
    assert read_report(path) == made
    assert encode(made) == encode(report(busy()))


@pytest.mark.parametrize("data", [b"{}", b"not json", b"[" * 100_000])
def test_what_is_no_report_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="not a report in JSON"):
        read_report(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_report(tmp_path / "none.json")


def test_the_period_says_what_it_is_about() -> None:
    period = report(busy()).period
    assert (period.bundles, period.policies) == ({"other": 3}, policies().hash)
    assert (period.begins, period.ends, period.requests) == (0, 8 * DAY, 37 + SHOWN)
    assert period.principals == {"benign": 30, "extraction": 3, "unlabelled": 2 + SHOWN}
    assert (period.orgs, period.unscored) == (6 + SHOWN, {"why": 1})
    assert period.activity[0] == (0, 31 + SHOWN, 1)


def test_an_empty_period_has_a_report_too() -> None:
    made = report(cases())
    assert made.period.requests == 0
    assert made.suspects == ()
    assert "0 requests" in said(made)
    assert "No exemption exists" in said(made)


def test_the_candidate_stands_beside_the_active_policies_when_there_is_one() -> None:
    assert report(cases(entry())).confusion.after == "shadow"
    assert report(cases(entry(candidate=Stand(55, "throttle")))).confusion.after == "candidate"


def test_the_ledger_finds_batch_keys_that_grow_and_exemptions_that_nobody_uses() -> None:
    under = bundle(
        policy("signals: {s: {request: {request.n: 1}, points: 9}}", id="a"), EXEMPT, ladder=LADDER
    )
    never = report(cases(entry("p"), entry("p", ts=DAY), under=under)).exemptions
    assert [(row.id, row.advice, row.last) for row in never] == [("nightly", "not used in this period", None)]
    unused = report(cases(entry("p"), entry("p", ts=31 * DAY), under=under)).exemptions
    assert unused[0].advice == "not used for 31 days: remove it"
    rising = report(busy()).exemptions
    assert [(row.id, row.rising, row.points) for row in rising] == [("old", ("exempt",), 30)]
    assert "look at these principals" in rising[0].advice
    calm = cases(*(entry("p", ts=at * DAY, score=5, forgiven={"x": 9.0}) for at in range(4)))
    assert [(row.rising, row.advice) for row in report(calm).exemptions] == [((), "")]


def test_drift_is_what_moved_since_the_previous_report() -> None:
    before = report(cases(*crowd("benign", 100)))
    made = report(cases(*crowd("benign", 100, **HIT)), previous=before)
    rows = {row.what: row for row in made.drift}
    assert rows["rung throttle"].apart
    assert (rows["a.one"].before.hits, rows["a.one"].now.hits) == (0, 100)
    assert not rows["rung refuse"].apart
    assert report(cases()).drift == ()
    assert "moved" in said(made)


def test_every_part_is_said_in_words() -> None:
    made = report(busy())
    words = said(made)
    for title in (
        "Would have fired", "By principal", "Top signals", "Enforced against shadow", "Cost to benign users",
        "Precision with labels", "Time to rung", "Thresholds for throttle", "Exemption ledger", "Readiness",
    ):  # fmt: skip
        assert title in words
    for note in (
        "benign hit at throttle: 0/30 = 0% [0%, 11.6%], so at most 9.5%",
        "caught at throttle: 3/3 = 100%",
        "made under other policies",
        "not scored: why 1",
        "Never fired: a.two, b.one",
        "so may be removed: b.two",
        "You cannot know that yet",
        "Base rate at throttle",
        "Counterfactual",
        "6 more with a score",
    ):
        assert note in words, note


def test_warming_windows_and_missing_tokens_are_noted() -> None:
    made = cases(entry("x", **(HIT | {"tokens": 0})), labels={"x": "attack"})
    made.cases["x"].signals["a.one"].warming = 3
    words = said(report(made))
    assert "3 of these verdicts came from windows still warming up" in words
    assert "hold no token counts" in words


def test_many_names_behind_a_cell_are_cut_in_words_only() -> None:
    made = report(cases(*crowd("benign", SHOWN + 3, **HIT)))
    assert "and 3 more" in markdown("Report", (), sections(made))
    assert len(made.confusion.moved[0].principals) == SHOWN + 3


def test_a_tuning_with_a_second_period_tells_of_it() -> None:
    made = tuning(busy(), 2, 0.01, busy())
    words = " ".join(text((), (tuning_section(made),)).split())
    assert "On the second period: 0/30 benign, 3/3 caught" in words
    assert "not seen in the first: 0/0 benign, 0/0 caught" in words


def test_weeks_are_told_when_there_are_several() -> None:
    early, late = (entry(name, ts=ts, score=25, rung="watch") for name, ts in (("x", 0), ("y", 30 * DAY)))
    assert "week from" in said(report(cases(early, late, labels={"x": "attack", "y": "attack"})))
    assert "week from" not in said(report(cases(early, labels={"x": "attack"})))


def test_the_terminal_shows_names_as_they_are_and_markdown_escapes_them() -> None:
    made = report(busy())
    shown = text(headline(made), sections(made))
    assert "<img" in shown
    written = markdown("Report", headline(made), sections(made), FOOTER)
    assert written.startswith("## Report\n")
    assert "\\<img src=x\\>\\|\\[b\\](c)\\*\\_\\`\\#" in written
    assert "<img" not in written.replace("\\<img", "")
    rows = [row for row in written.splitlines() if row.startswith("| throttle")]
    assert rows
    assert all(row.endswith(" |") for row in rows)


def test_shares_are_said_with_their_intervals() -> None:
    assert stated(share(0, 0)) == "0/0"
    assert stated(share(3, 300)) == "3/300 = 1% [0.207%, 2.89%]"
    assert bounded(share(0, 299)) == "0/299 ≤ 0.997%"
    assert bounded(share(0, 0)) == "0/0: unknown"
    assert percent(None) != percent(0.0) == "0%"

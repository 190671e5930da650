"""The replay report as text."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.reports import SHOWN, replay_text


def _principal(score: float, truth: str | None = None, *rungs: str) -> dict[str, Any]:
    reached = {name: {"first_request": 1, "ts": 0.0} for name in rungs}
    return {
        "requests": 7,
        "truth": truth,
        "peak": {"enforced": 0.0, "shadow": score},
        "rungs": {"enforced": {}, "shadow": reached},
        "campaign": None,
        "reasons": [
            {"signal": f"probe.s{at}", "value": 1.0, "points": 9.0 - at, "text": ""} for at in range(4)
        ],
    }


def _document(**principals: dict[str, Any]) -> dict[str, Any]:
    counts = {"enforced": {"principals": 0, "requests": 0}, "shadow": {"principals": 2, "requests": 1234}}
    return {
        "bundle": "abc123",
        "requests": 5678,
        "seconds": 1.5,
        "principals": principals,
        "rungs": {"watch": counts},
        "signals": {"re_evaluable": ["probe.a"], "frozen": [], "blind": [], "partly_blind": {}},
    }


def test_rungs_are_counted_by_kind_of_truth() -> None:
    found = {
        "a": _principal(30, "benign:chat", "watch"),
        "b": _principal(40, "attack:x", "watch"),
        "c": _principal(0),
    }
    text = replay_text(_document(**found))
    assert "attack" in text
    assert "unlabelled" in text
    row = next(line for line in text.splitlines() if "watch" in line and "shadow" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["watch", "shadow", "2", "1", "1", "0", "1234"]
    assert "bundle abc123 · 5,678 requests · 3 principals · 1.5 s" in text


def test_the_highest_scores_come_first_with_three_reasons_each_and_not_all_are_named() -> None:
    text = replay_text(_document(**{f"p{at:02}": _principal(at) for at in range(SHOWN + 5)}))
    named = [line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│ p")]
    assert named[0] == f"p{SHOWN + 4:02}"
    assert len(named) == SHOWN
    assert "probe.s2 7" in text
    assert "probe.s3" not in text


@pytest.mark.parametrize("name", ["[red]x", "[/]", "[/b]closed", ":smile:", "[link=http://a]b"])
def test_names_that_look_like_markup_are_shown_as_they_are(name: str) -> None:
    text = replay_text(_document(**{name: _principal(5, f"{name}")}))
    # The principal's name, and its truth.
    assert text.count(name) >= 2


def test_what_the_input_does_not_let_signals_measure_is_named() -> None:
    document = _document(a=_principal(0))
    assert "re-evaluable: 1/1 signals\n" in replay_text(document)
    document["signals"] |= {"frozen": ["probe.b"], "blind": ["probe.c", "probe.[d]"]}
    document["signals"]["partly_blind"] = {"probe.a": 1200}
    text = " ".join(replay_text(document).split())
    assert "re-evaluable: 1/4 signals" in text
    assert "windows and patterns do not): probe.b" in text
    assert "blind (the input lacks what they read): probe.c, probe.[d]" in text
    assert "blind on 1,200 of 5,678 requests: probe.a" in text

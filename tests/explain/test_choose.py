"""Which request of a principal is meant."""

from __future__ import annotations

import pytest

from gateway.adapters.proof import started
from gateway.explain.choose import At, Chooser, at
from gateway.model import Mode
from gateway.policytests.traffic import BEGIN, sent
from tests.policytests.support import BUNDLE, one

RISING = "every: 1m, times: 10, request: {echo: true}"


def chosen(wanted: At, traffic: str = RISING, **head: str) -> Chooser:
    chooser = Chooser(wanted, BUNDLE.ladder, BEGIN)
    drive = started(BUNDLE, Mode.ENFORCE)
    for number, found in enumerate(sent(one(traffic, **head)), 1):
        if not chooser.add(drive(found.line, number), found.line):
            break
    return chooser


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("peak", At()),
        ("412", At(number=412)),
        ("04:49:10", At(offset=17_350.0)),
        ("4h", At(offset=14_400.0)),
        ("90s", At(offset=90.0)),
    ],
)
def test_a_request_is_named_by_peak_number_or_time(text: str, meant: At) -> None:
    assert at(text) == meant


@pytest.mark.parametrize("text", ["", "0", "-1", "noon", "1:2:3", "٣"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write peak, a request's number"):
        at(text)


def test_the_peak_is_the_first_of_the_highest() -> None:
    chooser = chosen(At())
    assert chooser.chosen is not None
    assert chooser.chosen.id == "replay-10"
    fixed = chosen(At(), "every: 1s, times: 5, request: {echo: true}, route: /v1/embeddings")
    assert fixed.chosen is not None


def test_a_number_counts_from_one_and_ends_the_search() -> None:
    chooser = chosen(At(number=3))
    assert chooser.chosen is not None
    assert chooser.chosen.id == "replay-3"
    assert chooser.context is not None
    assert (chooser.context.number, chooser.context.since, chooser.context.began) == (3, BEGIN, BEGIN)
    assert chosen(At(number=11)).chosen is None


def test_a_time_means_the_last_request_by_then() -> None:
    chooser = chosen(At(offset=150.0))
    assert chooser.chosen is not None
    assert chooser.chosen.id == "replay-3"


def test_it_is_remembered_since_when_each_rung_is_reached() -> None:
    chooser = chosen(At(number=4))
    assert chooser.context is not None
    assert chooser.context.above == {"watch": BEGIN, "narrow": BEGIN}
    fading = "every: 2h, times: 3, request: {top_logprobs: 20}, principals: 1"
    later = chosen(At(number=3), fading)
    assert later.context is not None
    assert set(later.context.above or {}) == {"watch"}


def test_an_account_began_when_the_trace_says_so() -> None:
    chooser = chosen(At(), defaults="{principal: {age_days: 1}}")
    assert chooser.context is not None
    assert chooser.context.since == BEGIN - 86_400.0


def test_a_rung_that_was_left_is_forgotten() -> None:
    traffic = "every: 6h, times: 1, request: {echo: true}"
    chooser = Chooser(At(), BUNDLE.ladder, BEGIN)
    drive = started(BUNDLE, Mode.ENFORCE)
    loud = next(sent(one(traffic))).line
    chooser.add(drive(loud, 1), loud)
    quiet = next(sent(one("every: 6h, times: 1, at: 12h"))).line
    chooser.wanted = At(number=2)
    chooser.add(drive(quiet, 2), quiet)
    assert chooser.context is not None
    assert chooser.context.above == {}

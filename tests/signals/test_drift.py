"""Strangeness: known customers are not strange, others are, and without a reference nobody is anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway.actions.log import Log
from gateway.corpora import Origin
from gateway.evaluation.honest import CUSTOMERS, covering, make
from gateway.model import Call, Measure, Parameters, Turn
from gateway.policies.compile import compile_bundle
from gateway.readers.base import Line
from gateway.references import EVERY, LEAST, Reference
from gateway.signals import DETECTORS
from gateway.signals.drift import Drift
from gateway.strict_yaml import parse
from tests.signals.support import CHAT, Bench, detector

ORIGIN = Origin("own", "Own", "your own", "your own", 0, "windows")
FORMS: tuple[Callable[[int], str], ...] = (
    lambda at: f"Is item {at} good? Answer yes or no.",
    lambda at: f"Translate:\n\nThe house, number {at}, is red.",
    lambda at: f'{{"id": {at}, "text": "a review"}}',
    lambda at: "well " * (at % 7 + 1),
)


def line(who: int, at: int, **more: Any) -> Line:
    body = {"model": "m", "messages": [{"role": "user", "content": FORMS[who % 4](at)}], "n": 1 + who % 3}
    request = msgspec.Raw(msgspec.json.encode(body))
    return Line(float(at), f"key-{who}", request, org=f"org-{who // 2}", **more)


def lines(customers: int = 24) -> list[Line]:
    """So many customers of four kinds, two of each organisation."""
    return [line(who, at) for at in range(2 * LEAST + 20) for who in range(customers)]


@pytest.fixture(scope="module")
def own() -> Reference:
    return make(ORIGIN, lines).reference


def measured(own: Reference, form: Callable[[int], str], many: int, **options: Any) -> Measure | None:
    signal = Bench(detector("drift", {"reference": "own", **options}, "principal", own))
    found = None
    for at in range(many):
        made = Call(CHAT, turns=(Turn("user", form(at)),), parameters=Parameters(n=1))
        found = signal.send(made)
    assert signal.store.nbytes("p") < 1100
    return found


def strange(at: int) -> str:
    return f"## Task {at}\n- <one>\n- <two>\n```\nx = [{at}, {at}];\n```\n!!! ??? ;;; ((({at})))"


def test_a_known_form_is_not_strange_and_a_new_one_is(own: Reference) -> None:
    known = measured(own, FORMS[0], 60, against="customers")
    new = measured(own, strange, 60, against="customers")
    assert known is not None
    assert new is not None
    assert known.value > 0.2
    assert new.value == pytest.approx(1 / 25)


def test_against_strangers_nobody_is_stranger_than_against_customers(own: Reference) -> None:
    for form in (*FORMS, strange):
        customer = measured(own, form, 45, against="customers")
        stranger = measured(own, form, 45)
        assert customer is not None
        assert stranger is not None
        assert stranger.value >= customer.value


def test_there_is_no_verdict_before_so_many_requests(own: Reference) -> None:
    assert measured(own, strange, LEAST + 1) is None
    found = measured(own, strange, LEAST + 2)
    assert found is not None
    assert found.n == LEAST
    assert measured(own, strange, 40, min=60) is None
    assert LEAST % EVERY == 0


def test_without_a_reference_nothing_is_kept_or_said() -> None:
    signal = Bench(detector("drift", {"reference": "none"}))
    assert [signal.send(Call(CHAT, turns=(Turn("user", "Why?"),))) for _ in range(50)] == [None] * 50
    assert signal.detector.reads == ()


def test_a_reference_that_is_missing_is_a_warning_with_the_nearest_name(own: Reference) -> None:
    text = """
kind: policy
id: probe
version: 1
title: T
signals: {s: {drift: {reference: ovn}, ramp: [0.1, 0.01], points: 5}}
---
kind: ladder
id: none
version: 1
title: N
rungs: {watch: {at: 100, do: [{log: true}]}}
"""
    documents = list(parse(text.encode(), "test.yaml"))
    made = compile_bundle(documents, detectors=DETECTORS, actions={"log": Log}, corpora={"own": own})
    (advice,) = made.warnings
    assert "no reference 'ovn'" in str(advice)
    assert "own" in str(advice)
    fine = list(parse(text.replace("ovn", "own").encode(), "test.yaml"))
    bundle = compile_bundle(fine, detectors=DETECTORS, actions={"log": Log}, corpora={"own": own})
    assert bundle.warnings == ()
    assert isinstance(bundle.policies[0].signals[0].detector, Drift)


# --- making one ----------------------------------------------------------------------------------------


def test_hostile_lines_and_small_customers_are_left_out() -> None:
    attack = [line(0, at, truth="attack:x") for at in range(5)]
    small = [msgspec.structs.replace(line(1, at), principal="small") for at in range(2 * LEAST - 1)]
    broken = [msgspec.structs.replace(line(2, 0), request=msgspec.Raw(b"[]"))]
    other = [msgspec.structs.replace(line(2, 0), route="/elsewhere")]
    made = make(ORIGIN, lambda: [*lines(), *attack, *small, *broken, *other])
    assert (made.customers, made.hostile) == (24, 5)
    assert made.reference.origin.of == "windows"


def test_too_few_customers_make_no_reference() -> None:
    with pytest.raises(ValueError, match=f"{CUSTOMERS} are needed"):
        make(ORIGIN, lambda: lines(CUSTOMERS - 1))


def test_the_same_traffic_makes_the_same_file(own: Reference) -> None:
    assert make(ORIGIN, lines).reference.encoded() == own.encoded()


def test_the_points_that_are_kept_cover_all() -> None:
    rows = [[0.0], [0.1], [5.0], [5.1], [9.0]]
    assert set(covering(rows, 3)) == {0, 4, 2}
    assert sorted(covering(rows, 99)) == [0, 1, 2, 3, 4]

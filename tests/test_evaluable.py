"""What can be measured on an input, as recorded or not at all; and that blind signals stay silent."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.adapters.replay import Nobody, Player
from gateway.evaluable import Evaluability, evaluability
from gateway.gate import Gate
from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.readers.base import Features, Form, Line, Value
from gateway.records import Record
from gateway.stores.memory import MemoryStore
from tests.support import bundle, policy

SIGNALS = """
signals:
  short: {field: prompt.chars, ramp: [100, 0], points: 40}
  probes: {ratio: {where: {request.max_tokens: {lte: 2}}, over: 1h, min: 1}, ramp: [0, 1], points: 20}
  many: {count: {of: requests, over: 1h}, ramp: [0, 10], points: 10}
  off: {request: {prompt.user: x}, points: 1, mode: disabled}
"""
PROBE = bundle(policy(SIGNALS))
NOTHING: tuple[str, ...] = ()


def _line(ts: float = 0.0, **more: Any) -> Line:
    return Line(ts, "p", features=Features("openai_chat", "chat", parameters={"max_tokens": 1}), **more)


def _play(policies: Bundle, *lines: Line) -> list[Record]:
    player = Player(Gate(policies, Mode.ENFORCE, MemoryStore(9), Nobody()))
    return [player.play(line, number) for number, line in enumerate(lines, 1)]


def _points(record: Record) -> dict[str, float]:
    return {score.id: score.points for score in record.signals}


def _definition(policies: Bundle, name: str) -> str:
    return next(s.definition for p in policies.policies for s in p.signals if f"{p.id}.{s.id}" == name)


def test_an_input_that_lacks_nothing_lets_everything_be_measured() -> None:
    found = evaluability(PROBE, {(NOTHING, False): 5}, ())
    assert found == Evaluability(("probe.short", "probe.probes", "probe.many"), (), (), {})


def test_signals_are_blind_where_what_they_read_is_lacking() -> None:
    found = evaluability(PROBE, {(("prompt", "request.max_tokens"), False): 5}, ())
    assert (found.re_evaluable, found.blind) == (("probe.many",), ("probe.short", "probe.probes"))


def test_a_match_that_cannot_be_asked_blinds_its_policy() -> None:
    matching = bundle(policy(SIGNALS + "match: {client.ip: {cidr: 192.0.2.0/24}}\n"))
    assert len(evaluability(matching, {(("client",), False): 1}, ()).blind) == 3


def test_without_an_identity_no_window_means_anything() -> None:
    found = evaluability(PROBE, {(("identity",), False): 1}, ())
    assert (found.re_evaluable, found.blind) == (("probe.short",), ("probe.probes", "probe.many"))


def test_a_signal_stands_where_most_lines_put_it_and_the_rest_is_told() -> None:
    forms: dict[Form, int] = {(NOTHING, False): 7, (("prompt",), False): 2}
    found = evaluability(PROBE, forms, ())
    assert "probe.short" in found.re_evaluable
    assert found.partly == {"probe.short": 2}
    assert evaluability(PROBE, {(NOTHING, False): 2, (("prompt",), False): 2}, ()).blind == ("probe.short",)


def test_a_policy_that_asks_for_all_of_its_signals_says_nothing_while_one_is_blind() -> None:
    both = bundle(policy(SIGNALS, combine="all"))
    (seen,) = _play(both, _line())
    assert _points(seen)
    (blind,) = _play(both, _line(lacks=("prompt",)))
    assert not any(one.now for one in blind.policies)
    (alone,) = _play(PROBE, _line(lacks=("prompt",)))
    assert any(one.now for one in alone.policies)


def test_a_recorded_signal_is_frozen_if_it_was_measured_the_same_way() -> None:
    forms: dict[Form, int] = {(("prompt",), True): 3}
    same = {("probe.short", _definition(PROBE, "probe.short"))}
    assert evaluability(PROBE, forms, same).frozen == ("probe.short",)
    assert evaluability(PROBE, forms, {("probe.short", "field:other")}).blind == ("probe.short",)


def test_no_lines_and_disabled_policies_are_no_trouble() -> None:
    assert len(evaluability(PROBE, {}, ()).re_evaluable) == 3
    disabled = bundle(policy(SIGNALS, mode="disabled"))
    assert evaluability(disabled, {(NOTHING, False): 1}, ()) == Evaluability((), (), (), {})


def test_the_report_has_three_lists() -> None:
    document = evaluability(PROBE, {(("prompt",), False): 1}, ()).document()
    assert document == {
        "re_evaluable": ["probe.probes", "probe.many"],
        "frozen": [],
        "blind": ["probe.short"],
        "partly_blind": {},
    }


# --- in replay ---------------------------------------------------------------------------------------


def test_an_absent_prompt_is_not_an_empty_one() -> None:
    told, untold = _play(PROBE, _line(), _line(lacks=("prompt",)))
    assert _points(told)["probe.short"] == 40.0
    assert "probe.short" not in _points(untold)


def test_lines_of_all_forms_share_their_counters() -> None:
    forms = [NOTHING, ("prompt",), ("usage", "prompt"), NOTHING]
    records = _play(PROBE, *(_line(at, lacks=lacks) for at, lacks in enumerate(forms)))
    assert [_points(record)["probe.many"] for record in records] == pytest.approx([1.0, 2.0, 3.0, 4.0])
    assert {record.bundle for record in records} == {PROBE.hash}


def test_a_blind_match_neither_selects_nor_excludes() -> None:
    matching = bundle(policy(SIGNALS + "match: {client.ip: {cidr: 192.0.2.0/24}}\n"))
    inside, unknown = _play(matching, _line(ip="192.0.2.1"), _line(1.0, lacks=("client",)))
    assert _points(inside)["probe.many"] == 1.0
    assert _points(unknown) == {}
    # What the policy held against the principal before is still held.
    assert unknown.enforced.score > 0


def test_a_recorded_value_meets_todays_ramp_and_points() -> None:
    value = Value(30.0, 7, _definition(PROBE, "probe.short"))
    (record,) = _play(PROBE, _line(lacks=("prompt",), signals={"probe.short": value}))
    score = next(score for score in record.signals if score.id == "probe.short")
    assert (score.value, score.n) == (30.0, 7)
    assert score.points == pytest.approx(28.0)
    steeper = bundle(policy(SIGNALS.replace("[100, 0], points: 40", "[40, 20], points: 10")))
    (record,) = _play(steeper, _line(lacks=("prompt",), signals={"probe.short": value}))
    assert _points(record)["probe.short"] == pytest.approx(5.0)


@pytest.mark.parametrize("definition", [None, "field:other"])
def test_a_value_of_another_measurement_is_not_used(definition: str | None) -> None:
    value = Value(30.0, 1, definition)
    (record,) = _play(PROBE, _line(lacks=("prompt",), signals={"probe.short": value}))
    assert "probe.short" not in _points(record)


def test_what_can_be_measured_anew_is_and_its_record_is_ignored() -> None:
    value = Value(9.0, 1, _definition(PROBE, "probe.many"))
    (record,) = _play(PROBE, _line(lacks=("prompt",), signals={"probe.many": value}))
    assert _points(record)["probe.many"] == 1.0


def test_values_of_one_line_are_not_those_of_the_next() -> None:
    value = {"probe.short": Value(30.0, 1, _definition(PROBE, "probe.short"))}
    records = _play(PROBE, _line(lacks=("prompt",), signals=value), _line(1.0, lacks=("prompt",), signals={}))
    assert ["probe.short" in _points(record) for record in records] == [True, False]


def test_definitions_change_with_what_is_measured_and_with_nothing_else() -> None:
    def definition(text: str, **head: Any) -> str:
        return _definition(bundle(policy(text, **head)), "probe.s")

    plain = "signals: {s: {count: {of: requests, over: 1h}, ramp: [0, 9], points: 5}}"
    same = "signals: {s: {count: {of: requests, over: 60m}, ramp: [3, 5], points: 9, mode: shadow, why: x}}"
    assert definition(plain) == definition(same, version=3, cap=7)
    others = [
        definition(plain.replace("1h", "2h")),
        definition(plain.replace("of: requests", "of: prompts")),
        definition(plain, match="{request.stream: true}"),
        definition(plain, key="org"),
    ]
    assert len({definition(plain), *others}) == 5


def test_tenants_are_blind_where_everybody_is() -> None:
    tenant = "---\nkind: tenant\nid: t\ntitle: T\norgs: [acme]\nset: {probe.signals.short.points: 30}\n"
    both = bundle(policy(SIGNALS), tenant)
    records = _play(both, _line(org="acme"), _line(1.0, org="acme", lacks=("prompt",)))
    assert _points(records[0])["probe.short"] == 30.0
    assert "probe.short" not in _points(records[1])

"""Generated traffic is a function of the document: times, senders, texts, bodies."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from gateway import dialects
from gateway.dialects.routes import resolve
from gateway.errors import ConfigError
from gateway.policytests.suites import Case
from gateway.policytests.traffic import BEGIN, labels, senders, sent
from gateway.policytests.words import NOUNS, fill
from gateway.traffic import Line
from tests.policytests.support import one, suite


def lines(case: Case, **options: Any) -> list[Line]:
    return [found.line for found in sent(case, **options)]


def bodies(case: Case) -> list[Any]:
    return [json.loads(bytes(line.request)) for line in lines(case)]


def offsets(case: Case, **options: Any) -> list[float]:
    return [round(line.ts - BEGIN, 6) for line in lines(case, **options)]


def test_every_with_for_stops_at_the_end_and_with_times_after_so_many() -> None:
    assert offsets(one("every: 20s, for: 1m, at: 5s")) == [5, 25, 45]
    assert offsets(one("every: 500ms, times: 3")) == [0, 0.5, 1]


def test_a_doubled_rate_is_twice_as_fast_and_as_many() -> None:
    assert offsets(one("every: 20s, for: 1m"), rate=2) == [0, 10, 20, 30, 40, 50]
    assert offsets(one("every: 20s, times: 2"), rate=2) == [0, 10, 20, 30]


def test_clones_each_send_the_whole_stream_spread_over_one_interval() -> None:
    found = lines(one("every: 60s, times: 2, principals: 3"))
    assert [(line.principal, line.ts - BEGIN) for line in found] == [
        ("somebody-1", 0), ("somebody-2", 20), ("somebody-3", 40),
        ("somebody-1", 60), ("somebody-2", 80), ("somebody-3", 100),
    ]  # fmt: skip
    assert len({bytes(line.request) for line in found}) == 6


def test_a_random_pace_has_the_same_mean_and_no_beat() -> None:
    found = offsets(one("every: 10s, times: 2000, pace: random"))
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert 9 < mean(gaps) < 11
    assert max(gaps) > 40
    assert offsets(one("every: 10s, times: 2000, pace: random")) == found


def test_streams_are_merged_by_time_and_do_not_disturb_each_other() -> None:
    alone = lines(one("every: 7s, times: 3"))
    both = suite(
        """
- name: it
  traffic: [{every: 7s, times: 3}, {every: 5s, times: 3, as: ann}]
  expect: [{rung: none}]
""",
        people="{ann: }".replace(" }", " {}}"),
    )
    (case,) = both.cases()
    assert [line.ts - BEGIN for line in lines(case)] == [0, 0, 5, 7, 10, 14]
    assert [line for line in lines(case) if line.principal == "somebody"] == alone


def test_a_seed_changes_what_is_said_and_nothing_else() -> None:
    first, other = (one("every: 7s, times: 3", seed=str(seed)) for seed in (1, 2))
    assert offsets(first) == offsets(other)
    assert bodies(first) != bodies(other)


def test_placeholders_are_filled_in_prompts_systems_and_requests_and_other_braces_stay() -> None:
    case = one(
        """every: 1s, times: 2, prompt: 'Q{i}: {"a": {}} {words:3}', system: 'S{i}',"""
        " request: {user: 'u{i}', stop: ['{i}'], seed: 7}"
    )
    second = bodies(case)[1]
    system, user = second["messages"]
    assert system == {"role": "system", "content": "S2"}
    assert user["content"].startswith('Q2: {"a": {}} ')
    words = user["content"].removeprefix('Q2: {"a": {}} ').split()
    assert len(words) == 3
    assert set(words) <= set(NOUNS)
    assert (second["user"], second["stop"], second["seed"]) == ("u2", ["2"], 7)


def test_a_word_is_one_and_words_are_several() -> None:
    (body,) = bodies(one("every: 1s, times: 1, prompt: '{word}/{words}'"))
    word, words = body["messages"][0]["content"].split("/")
    assert word in NOUNS
    assert len(words.split()) >= 8


def test_a_bias_of_a_number_is_so_many_entries_others_each_time() -> None:
    first, second = bodies(one("every: 1s, times: 2, request: {logit_bias: 5}"))
    assert len(first["logit_bias"]) == len(second["logit_bias"]) == 5
    assert first["logit_bias"] != second["logit_bias"]
    (given,) = bodies(one("every: 1s, times: 1, request: {logit_bias: {'7': -100}}"))
    assert given["logit_bias"] == {"7": -100}


@pytest.mark.parametrize(
    "route",
    [
        "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/v1/embeddings",
        "/v1/responses/input_tokens", "/v1/messages/count_tokens", "/api/chat", "/api/generate",
    ],
)  # fmt: skip
def test_the_body_is_one_of_the_routes_own(route: str) -> None:
    (line,) = lines(one(f"every: 1s, times: 1, prompt: the question, system: the frame, route: {route}"))
    known = resolve("POST", line.route)
    assert known is not None
    call = dialects.get(known.dialect).read(json.loads(bytes(line.request)), known, 10)
    texts = {turn.role: turn.text for turn in call.turns}
    assert texts["user"] == "the question"
    if known.endpoint not in ("completions", "embeddings") or known.dialect == "ollama":
        assert texts["system"] == "the frame"


def test_a_person_has_what_the_defaults_have_unless_it_says_otherwise() -> None:
    case = one(
        "as: farm, every: 1s, times: 1, label: benign",
        defaults="{principal: {org: o, tier: paid, age_days: 2}, usage: {output_tokens: 9}}",
        people="{farm: {tier: trial, tags: [x], client: {ip: 203.0.113.9, user_agent: 'ua/{i}'}}}",
    )
    (line,) = lines(case)
    assert (line.principal, line.org, line.tier, line.tags) == ("farm", "o", "trial", ("x",))
    assert (line.ip, line.ua, line.since, line.truth) == ("203.0.113.9", "ua/1", BEGIN - 2 * 86_400, "benign")
    assert line.usage == {"input_tokens": 0, "output_tokens": 9, "reasoning_tokens": 0}


def test_senders_are_known_by_person_and_by_principal() -> None:
    found = suite(
        """
- name: it
  traffic:
    - {as: acme, every: 1s, times: 1, label: extraction}
    - {as: acme, every: 1s, times: 1, label: benign}
    - {every: 1s, times: 1, principals: 2}
    - {file: x.jsonl, label: benign}
  expect: [{rung: none}]
""",
        people="{acme: {id: key_acme}}",
    )
    (case,) = found.cases()
    assert senders(case) == {"acme": ["key_acme"], "somebody": ["somebody-1", "somebody-2"]}
    assert labels(case) == {"key_acme": "extraction"}


def recorded(tmp_path: Path, *texts: dict[str, Any]) -> Case:
    (tmp_path / "x.jsonl").write_text("\n".join(json.dumps(text) for text in texts))
    path = tmp_path / "t.yaml"
    path.write_text(
        "kind: tests\ntitle: T\ncases:\n  - name: it\n    traffic: [{file: x.jsonl, at: 1m}]\n"
        "    expect: [{rung: none}]\n"
    )
    from gateway.policytests.load import load_suites

    return next(load_suites([path])[0].cases())


def test_a_fixture_begins_when_its_stream_does(tmp_path: Path) -> None:
    case = recorded(
        tmp_path,
        {"ts": 1000, "principal": "p", "request": {"a": 1}, "truth": "attack:x"},
        {"ts": 1007, "principal": "q", "request": {}},
    )
    assert [(line.ts - BEGIN, line.principal, line.truth) for line in lines(case)] == [
        (60, "p", "attack:x"),
        (67, "q", None),
    ]


def test_a_fixture_that_is_not_there_is_named(tmp_path: Path) -> None:
    case = recorded(tmp_path)
    (tmp_path / "x.jsonl").unlink()
    with pytest.raises(ConfigError, match=r"x\.jsonl.* cannot be read"):
        lines(case)


def test_unknown_braces_and_plain_text_are_left_alone() -> None:
    import random

    assert fill("no {placeholders} {I} {i2} here", 1, random.Random(1)) == "no {placeholders} {I} {i2} here"

"""The offline driver: the report's arithmetic, recorded usage under every name, and what replay ignores."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters import replay
from gateway.gate import Gate
from gateway.model import Mode, Usage
from gateway.policies.bundle import Bundle
from gateway.records import Record, to_json
from gateway.stores.memory import MemoryStore
from gateway.traffic import Line, discover, merged, survey
from tests.support import bundle, chat, policy

COUNTED = "signals: {many: {count: {of: requests, over: 1h}, ramp: [0, 10], points: 100, why: '{value:.0f}'}}"
SPENT = "signals: {out: {count: {of: output_tokens, over: 1h}, ramp: [0, 100], points: 100}}"


def line(ts: float, who: str = "a", *, body: Any = None, **more: Any) -> dict[str, Any]:
    """A line of a traffic file, as an object."""
    return {"ts": ts, "principal": who, "request": chat() if body is None else body} | more


def lines(*objects: dict[str, Any]) -> list[Line]:
    """The same, as they are read."""
    return [msgspec.json.decode(json.dumps(found), type=Line) for found in objects]


def gate(policies: Bundle, ceiling: Mode = Mode.ENFORCE) -> Gate:
    """A gate for one replay."""
    return Gate(policies, ceiling, MemoryStore(1000), replay.Nobody())


def played(
    policies: Bundle, found: Iterable[Line], ceiling: Mode = Mode.ENFORCE
) -> tuple[dict[str, Any], list[Record]]:
    """The report, read back from its JSON, and the records."""
    records: list[Record] = []
    report = replay.replay(gate(policies, ceiling), found, sink=records.append)
    return json.loads(replay.encode(report.document(1.25))), records


# --- the report --------------------------------------------------------------------------------------


def test_the_report_has_exactly_the_stable_keys() -> None:
    policies = bundle(policy(COUNTED))
    document, _ = played(policies, lines(line(5, truth="benign:chat"), line(6, "b")))
    assert document == {
        "bundle": policies.hash,
        "requests": 2,
        "seconds": 1.25,
        "principals": {
            name: {
                "requests": 1,
                "truth": truth,
                "peak": {"enforced": 10.0, "shadow": 10.0},
                "rungs": {"enforced": {}, "shadow": {}},
                "campaign": None,
                "reasons": [{"signal": "probe.many", "value": 1.0, "points": 10.0, "text": "1"}],
            }
            for name, truth in (("a", "benign:chat"), ("b", None))
        },
        "rungs": {
            rung: {track: {"principals": 0, "requests": 0} for track in ("enforced", "shadow")}
            for rung in ("watch", "narrow", "throttle", "perturb", "refuse")
        },
    }


def test_a_rung_tells_the_principals_own_request_that_reached_it_first() -> None:
    traffic = [line(at, who) for at in range(8) for who in ("a", "b")][:-3]
    document, _ = played(bundle(policy(COUNTED)), lines(*traffic))
    enforced = document["principals"]["a"]["rungs"]["enforced"]
    assert document["principals"]["a"]["requests"] == 7
    assert enforced["watch"] == {"first_request": 2, "ts": 1.0}
    assert enforced["narrow"] == {"first_request": 4, "ts": 3.0}
    assert enforced["throttle"] == {"first_request": 5, "ts": 4.0}
    assert document["rungs"]["watch"]["enforced"] == {"principals": 2, "requests": 11}
    assert document["rungs"]["throttle"]["shadow"]["principals"] == 2
    assert document["rungs"]["refuse"]["shadow"] == {"principals": 0, "requests": 0}


def test_a_rung_is_reached_with_all_rungs_below_it() -> None:
    at_once = bundle(policy("signals: {all: {request: {request.messages: 1}, points: 55}}"))
    document, _ = played(at_once, lines(line(3)))
    reached = document["principals"]["a"]["rungs"]["shadow"]
    assert reached == {name: {"first_request": 1, "ts": 3.0} for name in ("watch", "narrow", "throttle")}


def test_the_ceiling_holds_the_enforced_track_down() -> None:
    document, _ = played(bundle(policy(COUNTED)), lines(*map(line, range(9))), Mode.SHADOW)
    principal = document["principals"]["a"]
    assert principal["peak"] == {"enforced": 0.0, "shadow": 90.0}
    assert principal["rungs"]["enforced"] == {}
    assert "throttle" in principal["rungs"]["shadow"]


def test_the_reasons_are_those_of_the_highest_score_and_at_most_five() -> None:
    signals = {f"s{at}": {"request": {"request.messages": 1}, "points": at + 1} for at in range(7)}
    signals["silent"] = {"request": {"request.messages": 2}, "points": 50}
    document, _ = played(bundle(policy(f"signals: {json.dumps(signals)}")), lines(line(1)))
    names = [reason["signal"] for reason in document["principals"]["a"]["reasons"]]
    assert names == [f"probe.s{at}" for at in (6, 5, 4, 3, 2)]


def test_the_peak_stays_when_the_score_falls() -> None:
    fading = policy(COUNTED, half_life="1m")
    traffic = [*map(line, range(5)), line(7200)]
    document, records = played(bundle(fading), lines(*traffic))
    assert records[-1].shadow.score == pytest.approx(10.0)
    assert document["principals"]["a"]["peak"]["shadow"] == 50.0
    assert document["principals"]["a"]["reasons"][0]["text"] == "5"


@pytest.mark.parametrize(
    ("told", "truth"),
    [
        ([], None),
        (["benign:a", "benign:b", "benign:b"], "benign:b"),
        (["benign:a", "benign:a", "attack:x"], "attack:x"),
        (["attack:y", "attack:x"], "attack:x"),
    ],
)
def test_one_truth_per_principal_attacks_first(told: list[str], truth: str | None) -> None:
    traffic = [line(at, truth=label) for at, label in enumerate(told)] or [line(0)]
    document, _ = played(bundle(policy(COUNTED)), lines(*traffic))
    assert document["principals"]["a"]["truth"] == truth


def test_no_traffic_gives_an_empty_report() -> None:
    document, _ = played(bundle(policy(COUNTED)), [])
    assert (document["requests"], document["principals"]) == (0, {})


# --- one line ----------------------------------------------------------------------------------------

OPENAI = {"prompt_tokens": 7, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 2}}
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


@pytest.mark.parametrize(
    ("route", "usage", "expected"),
    [
        (CHAT, OPENAI, Usage(7, 5, 2)),
        (MESSAGES, OPENAI, Usage(7, 5, 2)),
        (CHAT, {"prompt_tokens": 7}, Usage(7)),
        (CHAT, {"input_tokens": 7, "output_tokens": 5}, Usage(7, 5)),
        (CHAT, {"prompt_eval_count": 7, "eval_count": 5}, Usage(7, 5)),
        (CHAT, {"tokens_evaluated": 7, "tokens_predicted": 5}, Usage(7, 5)),
        (MESSAGES, {"input_tokens": 7, "cache_read_input_tokens": 3, "output_tokens": 5}, Usage(10, 5)),
        ("/api/chat", {"prompt_eval_count": 7, "eval_count": 5}, Usage(7, 5)),
        ("/v1/embeddings", {"prompt_tokens": 7}, Usage(7)),
        (
            CHAT,
            {"input_tokens": 7, "output_tokens": 5, "reasoning_tokens": 2, "estimated": True},
            Usage(7, 5, 2, estimated=True),
        ),
        (CHAT, {"input_tokens": 7, "output_tokens": 5, "logprob_tokens": 4}, Usage(7, 5, 0, 4)),
        (CHAT, {"total_tokens": 12}, None),
        (CHAT, {"prompt_tokens": "many", "completion_tokens": None}, None),
        (CHAT, {}, None),
    ],
)
def test_usage_is_read_under_any_dialects_names(
    route: str, usage: dict[str, Any], expected: Usage | None
) -> None:
    body = {"model": "e", "input": "x"} if route.endswith("embeddings") else chat(max_tokens=9)
    _, (record,) = played(bundle(policy(COUNTED)), lines(line(1, body=body, route=route, usage=usage)))
    assert record.usage == expected


def test_tokens_with_probabilities_count_as_such() -> None:
    body = chat(logprobs=True)
    _, (record,) = played(bundle(policy(COUNTED)), lines(line(1, body=body, usage=OPENAI)))
    assert record.usage == Usage(7, 5, 2, 5)


def test_a_recorded_answer_tells_its_own_cost_and_recorded_usage_wins_over_it() -> None:
    answer = {"choices": [{"message": {"content": "x" * 40}}]}
    traffic = [
        line(1, response=answer | {"usage": OPENAI}),
        line(2, response=answer),
        line(3, response=answer, usage={"completion_tokens": 1}),
        line(4, response=answer, usage={"total_tokens": 3}),
        line(5, response=["not", "an", "answer"]),
        line(6),
    ]
    _, records = played(bundle(policy(COUNTED)), lines(*traffic))
    spent = [None if record.usage is None else record.usage.output_tokens for record in records]
    assert spent == [5, 10, 1, 10, None, None]


def test_a_refused_call_got_no_answer_and_costs_nothing() -> None:
    refuse = [policy("signals: {s: {request: {request.messages: 1}, points: 45}}", id=name) for name in "xy"]
    policies = bundle(*refuse, policy(SPENT))
    traffic = [line(at, usage={"output_tokens": 60, "input_tokens": 1}) for at in range(2)]
    _, (record, after) = played(policies, lines(*traffic))
    assert (record.status, record.refusal, record.usage) == (403, "usage_review", None)
    assert [score.value for score in after.signals if score.id == "probe.out"] == [0.0]
    _, (record, after) = played(policies, lines(*traffic), Mode.SHADOW)
    assert (record.status, record.refusal) == (200, None)
    assert [score.value for score in after.signals if score.id == "probe.out"] == [60.0]


@pytest.mark.parametrize("ceiling", [Mode.SHADOW, Mode.ENFORCE])
def test_what_cannot_be_scored_is_recorded_and_counted_for_nobody(ceiling: Mode) -> None:
    traffic = [
        line(1, route="/v1/files", status=201),
        line(2, route=""),
        line(3, body=[1, 2], status=400),
        line(4, body={"messages": 5}, usage=OPENAI),
        line(5),
    ]
    document, records = played(bundle(policy(COUNTED)), lines(*traffic), ceiling)
    reasons = ["unknown_route", "unknown_route", "not_an_object", "invalid_type", None]
    assert [record.unscored for record in records] == reasons
    assert [record.status for record in records][:3] == [201, 200, 400]
    assert document["requests"] == document["principals"]["a"]["requests"] == 5
    assert document["principals"]["a"]["peak"]["shadow"] == 10.0


def test_a_line_says_who_sent_it_as_the_live_drivers_would() -> None:
    asked = {"principal.tier": "free", "principal.tags": "new", "principal.kind": "header"}
    rules = f"signals: {json.dumps({'s': {'request': asked, 'points': 9}})}"
    told: dict[str, Any] = {
        "kind": "header",
        "org": "o",
        "tier": "free",
        "tags": ["new"],
        "since": 0,
        "ip": "192.0.2.1",
    }
    _, (record,) = played(bundle(policy(rules)), lines(line(1, ua="sdk", **told)))
    assert (record.kind, record.org, record.tier) == ("header", "o", "free")
    assert (record.client.ip, record.client.user_agent) == ("192.0.2.1", "sdk")
    assert record.shadow.score == 9.0


def test_end_users_stand_in_records_as_hashes_that_any_replay_repeats() -> None:
    _, records = played(bundle(policy(COUNTED)), lines(line(1, body=chat(user="alice")), line(2)))
    _, again = played(bundle(policy(COUNTED)), lines(line(9, "b", body=chat(user="alice")), line(10)))
    hashes = [record.end_user for record in records]
    assert hashes == [record.end_user for record in again]
    assert (hashes[0] or "").startswith("eu_")
    assert hashes[1] is None
    assert b"alice" not in to_json(records[0], "features")


def test_replay_never_asks_who_sent_a_line() -> None:
    with pytest.raises(AssertionError, match="asked who"):
        replay.Nobody().principal([], None, None)


def test_progress_is_told_in_steps() -> None:
    done: list[int] = []
    replay.replay(gate(bundle(policy(COUNTED))), lines(*map(line, range(450))), tick=done.append)
    assert done == [200, 200]


# --- properties --------------------------------------------------------------------------------------

PROMPTS = st.sampled_from(["hi", "Solve 3+4.", "Solve 5+6.", "Write a poem about rain.", "x" * 300])
EVENTS = st.lists(
    st.tuples(st.integers(0, 4000), st.sampled_from("abc"), PROMPTS, st.integers(0, 500)),
    min_size=1,
    max_size=40,
)
RULES = """
signals:
  many: {count: {of: requests, over: 1h}, ramp: [0, 30], points: 30}
  out: {count: {of: output_tokens, over: 1h}, ramp: [0, 4000], points: 30}
  kinds: {distinct: {of: prompts, over: 1h}, ramp: [0, 5], points: 20}
  alike: {profile: {metric: repeats, min: 3}, ramp: [0, 1], points: 20}
  steady: {cadence: {metric: interval_cv, over: 1h, min: 3}, ramp: [2, 0], points: 20}
"""


def _objects(events: Iterable[tuple[int, str, str, int]]) -> list[dict[str, Any]]:
    return [
        line(ts / 2, who, body=chat(text), usage={"input_tokens": 1, "output_tokens": made})
        for ts, who, text, made in events
    ]


@settings(max_examples=30, deadline=None)
@given(events=EVENTS, ceiling=st.sampled_from([Mode.SHADOW, Mode.ENFORCE]))
def test_the_same_traffic_gives_the_same_records(
    events: list[tuple[int, str, str, int]], ceiling: Mode
) -> None:
    policies = bundle(policy(RULES))
    traffic = lines(*sorted(_objects(events), key=lambda found: found["ts"]))
    first, second = played(policies, traffic, ceiling), played(policies, traffic, ceiling)
    assert first[0] == second[0]
    assert [to_json(r, "features") for r in first[1]] == [to_json(r, "features") for r in second[1]]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, places=st.lists(st.integers(0, 40), max_size=4))
def test_splitting_a_file_gives_the_same_report(
    events: list[tuple[int, str, str, int]], places: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the order inside the file, and with equal times."""
    home = tmp_path_factory.mktemp("split")
    texts = [json.dumps(found) + "\n" for found in _objects(events)]
    (home / "whole.jsonl").write_text("".join(texts))
    bounds = [0, *sorted(place % (len(texts) + 1) for place in places), len(texts)]
    (home / "parts").mkdir()
    for number in range(len(bounds) - 1):
        part = home / "parts" / f"{number}.jsonl"
        part.write_text("".join(texts[bounds[number] : bounds[number + 1]]))
    policies = bundle(policy(RULES))
    reports = [
        played(policies, merged(survey(discover([home / name]))))[0] for name in ("whole.jsonl", "parts")
    ]
    assert reports[0] == reports[1]

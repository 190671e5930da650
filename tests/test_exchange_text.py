"""The answer's text: kept where a policy reads it, in every form of answer, and told to nobody."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest

from gateway.adapters.replay import Nobody, Player
from gateway.evaluable import evaluability
from gateway.gate import Gate, Headers
from gateway.model import Outcome
from gateway.policies.bundle import Bundle
from gateway.readers.base import Line
from gateway.records import Content, Record, to_json
from gateway.stores.memory import MemoryStore
from tests.exchanges import ENFORCE, JSON_ANSWER, SSE_ANSWER, chat, exchange, pieces, relay
from tests.support import bundle, policy

SECRET = "The recipe of the house is known to nobody but the cook and her daughter."
READING = bundle(
    policy("signals: {said: {request: {response.text: {contains: recipe of the house}}, points: 30}}")
)
RETURNED = bundle(policy("signals: {back: {provenance: {over: 24h, min: 1}, ramp: [0, 1], points: 30}}"))
OTHER = bundle(policy("signals: {n: {request: {request.n: 2}, points: 30}}"))
WHOLE = json.dumps({"choices": [{"index": 0, "message": {"content": SECRET}}]}).encode()
STREAM = b"".join(
    b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": word}}]}).encode() + b"\n\n"
    for word in (SECRET[:9], SECRET[9:30], SECRET[30:])
)


def ended(
    policies: Bundle, body: bytes, headers: Headers, finished: bool = True, **gate: Any
) -> tuple[Record, str]:
    """The record of an answered call, and the text that its signals could read."""
    one = exchange(policies, ENFORCE, **gate)
    one.judge(chat(), 100.0)
    one.forwarded(100.0)
    one.respond(200, headers)
    relay(one, pieces(body, 17))
    record = one.finish(Outcome(finished=finished), 101.0)
    assert one.transaction is not None
    facts = one.transaction._facts
    assert facts.outcome is not None
    return record, facts.outcome.text


@pytest.mark.parametrize(("body", "headers"), [(WHOLE, JSON_ANSWER), (STREAM, SSE_ANSWER)])
def test_a_policy_reads_what_was_answered(body: bytes, headers: Headers) -> None:
    record, text = ended(READING, body, headers)
    assert text == SECRET
    assert [signal.id for signal in record.signals if signal.points] == ["probe.said"]


def test_an_answer_that_broke_off_is_what_was_sent_of_it() -> None:
    _, text = ended(READING, STREAM[: STREAM.rindex(b"data: ")], SSE_ANSWER, finished=False)
    assert text == SECRET[:30]


@pytest.mark.parametrize("policies", [READING, RETURNED])
def test_the_text_stands_in_no_record(policies: Bundle) -> None:
    for body, headers in ((WHOLE, JSON_ANSWER), (STREAM, SSE_ANSWER)):
        record, text = ended(policies, body, headers)
        assert text == SECRET
        for level in get_args(Content):
            assert b"recipe" not in to_json(record, level)


def test_nothing_is_kept_of_answers_that_no_policy_reads() -> None:
    assert ended(OTHER, STREAM, SSE_ANSWER)[1] == ""


def test_a_candidate_may_be_the_only_one_that_reads() -> None:
    assert ended(OTHER, STREAM, SSE_ANSWER, candidate=RETURNED)[1] == SECRET


# --- replay --------------------------------------------------------------------------------------------


def back(*, answered: bool, **more: Any) -> list[float]:
    """What is read for each of three prompts, of which the second brings back what the first was answered."""
    texts = ("Hello?", f"Improve this: {SECRET}", "Goodbye.")
    player = Player(Gate(RETURNED, ENFORCE, MemoryStore(9), Nobody()))
    values = []
    for at, text in enumerate(texts):
        body = {"ts": at, "principal": "p", "request": json.loads(chat()), **more}
        body["request"]["messages"][0]["content"] = text
        if answered:
            body["response"] = json.loads(WHOLE)
        line = msgspec.json.decode(json.dumps(body), type=Line)
        values += [signal.value for signal in player.play(line, at).signals]
    return values


def test_replay_reads_recorded_answers() -> None:
    assert back(answered=True) == [0.0, 0.5]
    assert evaluability(RETURNED, {((), False): 3}, ()).re_evaluable == ("probe.back",)


def test_without_recorded_answers_replay_is_blind_and_says_so() -> None:
    assert back(answered=False) == []
    bare = Line(0.0, "p", msgspec.Raw(b"{}"))
    assert bare.form == (("answer",), False)
    assert evaluability(RETURNED, {bare.form: 3}, ()).blind == ("probe.back",)
    assert evaluability(OTHER, {bare.form: 3}, ()).re_evaluable == ("probe.n",)


def test_who_was_refused_lacks_no_answer() -> None:
    assert Line(0.0, "p", msgspec.Raw(b"{}"), status=429).form == ((), False)
    assert back(answered=False, status=500) == [0.0, 0.0]


def test_a_line_says_once_that_its_answer_is_lacking() -> None:
    assert Line(0.0, "p", msgspec.Raw(b"{}"), lacks=("answer",)).form == (("answer",), False)

"""What holds for every dialect: any request is a call or one CallError, any answer is survived."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import dialects
from gateway.dialects.base import Dialect, Object
from gateway.dialects.body import decode
from gateway.errors import CallError
from gateway.model import JSON, Call, Parameters, Route
from tests.dialects.outcome import outcome
from tests.dialects.strategies import bodies

ENDPOINTS = ["chat", "completions", "responses", "messages", "embeddings", "count_tokens", "models"]
ALL = [dialects.get(name) for name in dialects.NAMES]
few = settings(max_examples=40)  # eight dialects share each property
every_dialect = pytest.mark.parametrize("dialect", ALL, ids=dialects.NAMES)


def _read(dialect: Dialect, body: Object, endpoint: str = "chat") -> Call | CallError:
    return outcome(lambda: dialect.read(body, Route(dialect.name, endpoint, "/x"), 7))


def test_names_are_unique_and_found() -> None:
    assert [dialect.name for dialect in ALL] == list(dialects.NAMES)
    assert len(set(dialects.NAMES)) == len(ALL) == 8
    with pytest.raises(KeyError):
        dialects.get("nope")


@every_dialect
@few
@given(
    raw=st.binary(max_size=60) | bodies.map(json.dumps).map(str.encode), endpoint=st.sampled_from(ENDPOINTS)
)
def test_any_bytes_are_a_call_or_one_call_error(dialect: Dialect, raw: bytes, endpoint: str) -> None:
    found = outcome(lambda: decode(raw))
    call = found if isinstance(found, CallError) else _read(dialect, found, endpoint)
    if isinstance(call, CallError):
        assert call.status == 400
    else:
        assert isinstance(call.parameters, Parameters)
        assert call.prompts >= 1
        assert call.size == 7
        assert all(turn.text for turn in call.turns)


@every_dialect
@few
@given(body=bodies, endpoint=st.sampled_from(ENDPOINTS))
def test_any_object_is_a_call_or_one_call_error_and_stays_unchanged(
    dialect: Dialect, body: Object, endpoint: str
) -> None:
    before = copy.deepcopy(body)
    assert isinstance(_read(dialect, body, endpoint), (Call, CallError))
    assert repr(body) == repr(before)


@every_dialect
@few
@given(message=bodies)
def test_reading_any_answer_never_raises_and_changes_nothing(dialect: Dialect, message: Object) -> None:
    before = repr(message)
    usage = dialect.usage(message)
    assert usage is None or min(usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) >= 0
    assert all(isinstance(text, str) for text in dialect.texts(message))
    assert isinstance(dialect.finished(message), bool)
    for stream, holder, key in dialect.content_parts(message):
        assert stream
        assert isinstance(holder[key], str)
    assert repr(message) == before


@every_dialect
@few
@given(message=bodies)
def test_edits_of_any_answer_never_raise_and_say_whether_they_changed_it(
    dialect: Dialect, message: Object
) -> None:
    for edit in (dialect.drop_extras, dialect.drop_probabilities):
        before = repr(message)
        assert edit(message) is (repr(message) != before)
        assert edit(message) is False
    for found in dialect.token_lists(message):
        found.narrow(1, 1)
    before = repr(message)
    verdict = dialect.strip_reasoning(message)
    assert verdict == "drop" or (verdict == "changed") is (repr(message) != before)
    assert verdict == "drop" or dialect.strip_reasoning(message) in ("kept", "drop")


@every_dialect
@few
@given(message=bodies, word=st.text(min_size=1, max_size=3))
def test_answer_text_that_is_replaced_is_what_is_read_again(
    dialect: Dialect, message: Object, word: str
) -> None:
    parts = list(dialect.content_parts(message))
    for _, holder, key in parts:
        holder[key] = word
    assert [holder[key] for _, holder, key in dialect.content_parts(message)] == [word] * len(parts)


@every_dialect
@pytest.mark.parametrize(
    "body",
    [
        {"model": 5},
        {"model": ["m"]},
        {"stream": "maybe"},
        {"stream": {}},
        {"max_tokens": []},
        {"top_logprobs": "x"},
        {"logit_bias": 3},
        {"temperature": {}},
    ],
)
def test_wrong_types_of_scored_fields_are_refused_everywhere(dialect: Dialect, body: Object) -> None:
    found = _read(dialect, body)
    assert isinstance(found, CallError)
    assert (found.status, found.code) == (400, "invalid_type")


@every_dialect
def test_stream_and_model_are_read_alike_everywhere(dialect: Dialect) -> None:
    call = _read(dialect, {"model": "m", "stream": "true", "n_predict": "200", "n_probs": 50})
    assert isinstance(call, Call)
    assert (call.model, call.stream) == ("m", True)
    assert (call.parameters.max_tokens, call.parameters.top_logprobs) == (200, 50)
    silent = _read(dialect, {})
    assert isinstance(silent, Call)
    assert silent.stream is (dialect.name == "ollama")
    assert silent.parameters == Parameters()


@every_dialect
@pytest.mark.parametrize("odd", [[], {}, [1], {"a": 1}, 5, None, True])
def test_odd_discriminators_in_answers_are_survived(dialect: Dialect, odd: JSON) -> None:
    message: Object = {
        key: odd if depth else {"type": odd, "index": odd, "content": [{"type": odd, "text": "a"}]}
        for depth, keys in enumerate(
            (("delta", "part", "item", "content_block"), ("type", "index", "done", "stop"))
        )
        for key in keys
    }
    assert dialect.finished(message) in (False, odd is True)
    assert list(dialect.content_parts(message)) == []
    assert dialect.strip_reasoning(message) == "kept"

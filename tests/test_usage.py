"""Counting an answer: the server's figures where there are any, never less than was delivered."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import dialects
from gateway.dialects.base import Object
from gateway.model import Call, Parameters, Route, Turn, Usage
from gateway.usage import Meter, estimate

CALL = Call(
    Route("openai_chat", "chat", "/v1/chat/completions"), turns=(Turn("system", "abc"), Turn("user", "de"))
)


def measured(
    messages: Iterable[Object], finished: bool = True, *, dialect: str = "openai_chat", call: Call = CALL
) -> Usage | None:
    meter = Meter(dialects.get(dialect))
    for message in messages:
        meter.see(message)
    return meter.usage(call, finished)


def delta(text: str) -> Object:
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


def reported(given_tokens: int, made: int) -> Object:
    return {"choices": [], "usage": {"prompt_tokens": given_tokens, "completion_tokens": made}}


ANTHROPIC_START: Object = {
    "type": "message_start",
    "message": {
        "content": [],
        "usage": {"input_tokens": 20, "cache_read_input_tokens": 5, "output_tokens": 1},
    },
}
ANTHROPIC_END: Object = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 30}}


def anthropic_delta(text: str) -> Object:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def test_input_is_estimated_from_the_text_of_all_turns() -> None:
    assert estimate(CALL) == 2
    assert estimate(Call(CALL.route)) == 0


def test_nothing_seen_is_no_usage() -> None:
    assert measured([]) is None
    assert measured([{"error": {"message": "overloaded"}}], finished=False) is None


def test_the_servers_figures_win_in_a_finished_answer() -> None:
    assert measured([delta("x" * 400), reported(7, 3)]) == Usage(7, 3)


def test_an_explicit_zero_stays_zero() -> None:
    assert measured([delta("hello"), reported(7, 0)]) == Usage(7, 0)
    assert measured([delta(""), reported(0, 0)]) == Usage(0, 0)


def test_later_figures_replace_earlier_ones_field_by_field() -> None:
    messages = [ANTHROPIC_START, anthropic_delta("hi"), ANTHROPIC_END]
    assert measured(messages, dialect="anthropic") == Usage(25, 30)
    assert measured([reported(7, 1), delta("a"), reported(7, 2)]) == Usage(7, 2)


def test_a_broken_stream_counts_at_least_what_was_delivered() -> None:
    pieces = [anthropic_delta("a b c d ") for _ in range(9)]
    assert measured([ANTHROPIC_START, *pieces], finished=False, dialect="anthropic") == Usage(
        25, 18, estimated=True
    )
    assert measured([reported(7, 50), delta("a")], finished=False) == Usage(7, 50)


def test_without_figures_each_piece_is_a_token_and_four_characters_are_one() -> None:
    assert measured([delta(""), delta("a"), delta("b"), delta("c")]) == Usage(2, 3, estimated=True)
    assert measured([delta("a" * 9)]) == Usage(2, 3, estimated=True)
    assert measured([delta("")], finished=False) == Usage(2, 0, estimated=True)


def test_probabilities_are_counted_when_they_were_asked_for() -> None:
    call = Call(CALL.route, parameters=Parameters(logprobs=True))
    assert measured([reported(7, 3)], call=call) == Usage(7, 3, logprob_tokens=3)
    assert measured([delta("abcdefgh")], call=call) == Usage(0, 2, logprob_tokens=2, estimated=True)


def test_reasoning_tokens_are_passed_on() -> None:
    message: Object = {
        "usage": {
            "prompt_tokens": 1,
            "completion_tokens": 9,
            "completion_tokens_details": {"reasoning_tokens": 4},
        }
    }
    assert measured([message]) == Usage(1, 9, reasoning_tokens=4)


@pytest.mark.parametrize("finished", [True, False])
@given(texts=st.lists(st.text(max_size=30), min_size=1))
def test_leaving_before_the_figures_never_makes_an_answer_free(finished: bool, texts: list[str]) -> None:
    usage = measured([delta(text) for text in texts], finished)
    assert usage is not None
    assert usage.estimated
    assert usage.output_tokens >= sum(bool(text) for text in texts)
    assert usage.output_tokens * 4 >= sum(map(len, texts))


@given(texts=st.lists(st.text(max_size=30), min_size=1), made=st.integers(min_value=0, max_value=100))
def test_a_longer_prefix_never_counts_less(texts: list[str], made: int) -> None:
    messages = [reported(1, made), *map(delta, texts)]
    counts = [measured(messages[:length], finished=False) for length in range(1, len(messages) + 1)]
    outputs = [usage.output_tokens for usage in counts if usage is not None]
    assert len(outputs) == len(messages)
    assert outputs == sorted(outputs)

"""llama.cpp's native routes: every bypass that works on its server is seen here."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects import get
from gateway.dialects.base import Object
from gateway.dialects.logprobs import UNLIKELY
from gateway.model import Call, Route, Turn, Usage

DIALECT = get("llamacpp")


def _read(path: str = "/completion", **body: Any) -> Call:
    return DIALECT.read(body, Route("llamacpp", "completions", path), 1)


def test_completion_is_read() -> None:
    call = _read(
        prompt="p",
        n_predict=-1,
        n_probs=50,
        logit_bias=[[15043, 1.0], ["Hello", False]],
        grammar="root ::= x",
        user="u",
    )
    assert call.turns == (Turn("user", "p"),)
    assert (call.stream, call.prompts, call.end_user) == (False, 1, "u")
    found = call.parameters
    assert (found.max_tokens, found.top_logprobs, found.logit_bias) == (2**31 - 1, 50, 2)
    assert (found.logprobs, found.grammar) == (True, True)


def test_several_prompts_of_any_kind_are_counted() -> None:
    call = _read(prompt=["a", [1, 2], [1, "b"], {"prompt_string": "c"}])
    assert call.prompts == 4
    assert [turn.text for turn in call.turns] == ["a", "b", "c"]


def test_infill_is_all_prompt() -> None:
    extra = [{"filename": "f.py", "text": "e"}]
    call = _read("/infill", prompt="p", input_prefix="a", input_suffix="b", input_extra=extra)
    assert [turn.text for turn in call.turns] == ["p", "a", "b", "e"]


@pytest.mark.parametrize(
    ("message", "usage"),
    [
        ({"tokens_evaluated": 3, "tokens_predicted": 5, "timings": {"prompt_n": 1}}, Usage(3, 5)),
        ({"tokens_evaluated": 3, "tokens_predicted": 0}, Usage(3, 0)),
        ({"timings": {"prompt_n": 1, "cache_n": 2, "predicted_n": 5}}, Usage(3, 5)),
        ({"content": "a"}, None),
    ],
)
def test_usage_comes_from_counts_or_timings(message: Object, usage: Usage | None) -> None:
    assert DIALECT.usage(message) == usage


def test_text_and_the_end_are_found() -> None:
    message: Object = {"index": 1, "content": "a", "stop": True}
    assert list(DIALECT.texts(message)) == ["a"]
    assert DIALECT.finished(message) is True
    assert DIALECT.finished({"content": "a", "stop": False}) is False
    assert [(stream, holder[key]) for stream, holder, key in DIALECT.content_parts(message)] == [("1", "a")]


def test_probabilities_are_narrowed_in_both_scales_and_then_gone() -> None:
    message: Object = {
        "content": "ab",
        "completion_probabilities": [
            {
                "token": "a",
                "id": 1,
                "logprob": -7.0,
                "top_logprobs": [{"id": 2, "logprob": -0.1}, {"id": 3, "logprob": -9.0}],
            },
            {
                "token": "b",
                "id": 1,
                "prob": 0.9,
                "top_probs": [{"id": 1, "prob": 0.9}, {"id": 3, "prob": 0.05}],
            },
        ],
        "generation_settings": {"n_probs": 50},
        "prompt": "secret",
        "n_vocab_logits": [1.0],
        "stop": True,
    }
    for found in DIALECT.token_lists(message):
        found.narrow(1, None)
    assert message["completion_probabilities"] == [
        {"token": "a", "id": 1, "logprob": UNLIKELY, "top_logprobs": [{"id": 2, "logprob": -0.1}]},
        {"token": "b", "id": 1, "prob": 0.9, "top_probs": [{"id": 1, "prob": 0.9}]},
    ]
    assert DIALECT.drop_probabilities(message) is True
    assert message == {"content": "ab", "stop": True}


def test_its_answers_have_no_field_for_reasoning() -> None:
    message: Object = {"content": "<think>t</think>a"}
    assert DIALECT.strip_reasoning(message) == "kept"
    message["tokens"] = [1, 2]
    assert DIALECT.strip_reasoning(message) == "changed"
    assert message == {"content": "<think>t</think>a", "tokens": []}


def test_a_text_ends_where_its_own_answer_stops() -> None:
    assert list(DIALECT.ends({"content": "", "index": 2, "stop": True})) == ["2"]
    assert list(DIALECT.ends({"content": "a", "index": 2, "stop": False})) == []

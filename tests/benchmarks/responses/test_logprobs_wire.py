"""The attacker finds numbers and text in every shape of answer, and none where the gateway has been."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from typing import Any

import pytest

from benchmarks.responses.logprobs_wire import NATIVE, SHAPES, text, values
from gateway import actions, dialects
from gateway.dialects.base import Object
from gateway.model import Route

ENTRY = {"id": 7, "token": "a", "logprob": -1.5, "top_logprobs": [{"id": 8, "token": "b", "logprob": -0.5}]}
PROMPT_MAPS: Any = [None, {"3": {"logprob": -2.0, "rank": 1}, "44": {"logprob": -9.0, "rank": 900}}]
CHAT: Any = {"choices": [{"index": 0, "message": {"content": "a"}, "logprobs": {"content": [ENTRY]}}]}


def streamed(*events: Any) -> bytes:
    return (
        b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    )


def test_numbers_are_found_wherever_they_stand_whole_and_streamed() -> None:
    for raw in (json.dumps(CHAT).encode(), streamed(CHAT, {"choices": []})):
        assert values(raw) == {7: -1.5, 8: -0.5}
    probability = {
        "completion_probabilities": [{"id": 1, "prob": 0.5, "top_probs": [{"id": 2, "prob": 0.0}]}]
    }
    assert values(json.dumps(probability).encode()) == {1: math.log(0.5)}
    hidden = {"completion_probabilities": [{"id": 1, "logprob": -9999.0}]}
    assert values(json.dumps(hidden).encode()) == {}
    assert values(b"") == {}


@pytest.mark.parametrize("options", [{}, {"off": True}])
def test_prompt_logprobs_are_read_directly_and_neither_asked_for_nor_told_through_the_gateway(
    options: dict[str, bool],
) -> None:
    answer: Object = deepcopy({**CHAT, "prompt_logprobs": PROMPT_MAPS})
    assert values(json.dumps(answer).encode()).keys() == {3, 44, 7, 8}
    kind = actions.get("logprobs")
    act = kind(kind.options_type.model_validate(options))
    dialect = dialects.get("openai_chat")
    body: Object = {"messages": [], "logprobs": True, "top_logprobs": 5, "prompt_logprobs": 20}
    call = dialect.read(body, Route("openai_chat", "chat", "/v1/chat/completions"), 0)
    editor = act.editor(call, dialect, body)
    assert editor is not None
    assert act.edit_request(call, dialect, body)
    assert body == {"messages": []}
    editor.edit(answer)
    assert values(json.dumps(answer).encode()) == {}


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps(CHAT).encode(),
        streamed({"choices": [{"delta": {"content": "a"}}]}, {"choices": [{"delta": {}}]}),
        json.dumps({"choices": [{"text": "a"}]}).encode(),
        json.dumps({"content": "a", "stop": True}).encode(),
        streamed({"content": "a"}, {"content": ""}),
        b'event: x\ndata: {"type": "response.output_text.delta", "delta": "a"}\n\n',
    ],
)
def test_the_text_of_an_answer_is_read_in_every_shape(raw: bytes) -> None:
    assert text(raw) == "a"


def test_every_shape_asks_greedily_for_one_token_and_for_alternatives_only_if_told_to() -> None:
    for shape in SHAPES:
        body = shape.body("x", 9, min_p=0)
        assert (body[shape.limit], body["temperature"], body["stream"], body["min_p"]) == (
            1,
            0,
            shape.stream,
            0,
        )
        assert body[shape.top] == 9
        assert shape.top not in shape.body("x", 0)
    assert NATIVE.body("x", 0)["prompt"] == "x"

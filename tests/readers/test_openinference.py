"""OpenInference spans, on what its instrumentations wrote and on what frameworks leave out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.readers.base import Line
from gateway.readers.openinference import is_call, model, request, usage
from tests.readers.support import DATA, read

LLM = {"openinference.span.kind": "LLM", "llm.model_name": "m"}


def _body(line: Line) -> Any:
    return json.loads(bytes(line.request))


def test_spans_of_the_instrumentations_give_each_body_as_it_was_sent() -> None:
    """The message call is reported by the SDK as well, and counts once."""
    found = read("otel", (DATA / "otel-openinference.jsonl").read_bytes())
    lines = {line.route: line for line in found}
    assert len(found) == len(lines) == 5
    chat = lines["/v1/chat/completions"]
    assert _body(chat) == {
        "model": "demo",
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "Hello from alice - 你好"},
        ],
        "max_tokens": 20,
        "seed": 3,
        "stop": ["x"],
        "temperature": 0.2,
    }
    assert chat.usage == {"input_tokens": 10, "output_tokens": 9, "reasoning_tokens": 0}
    assert chat.lacks == ("account", "client", "request.bytes", "identity")
    assert _body(lines["/v1/completions"])["prompt"] == "Once upon"
    assert _body(lines["/v1/embeddings"])["input"] == ["a b", "c d"]
    assert _body(lines["/v1/responses"])["instructions"] == "Be kind"
    assert _body(lines["/v1/messages"])["system"] == "Sys."


@pytest.mark.parametrize(
    ("told", "path", "body"),
    [
        (
            {
                "llm.input_messages.0.message.role": "user",
                "llm.input_messages.0.message.contents.0.message_content.text": "a",
                "llm.input_messages.0.message.contents.1.message_content.text": "b",
                "llm.invocation_parameters": '{"max_tokens": 3}',
            },
            "/v1/chat/completions",
            {"model": "m", "max_tokens": 3, "messages": [{"role": "user", "content": "a\nb"}]},
        ),
        (
            {"llm.prompts.0.prompt.text": "Once", "input.value": "Once"},
            "/v1/completions",
            {"model": "m", "prompt": ["Once"]},
        ),
        (
            {"openinference.span.kind": "EMBEDDING", "embedding.embeddings.0.embedding.text": "a"},
            "/v1/embeddings",
            {"model": "m", "input": ["a"]},
        ),
    ],
)
def test_frameworks_tell_messages_and_parameters_apart(
    told: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    assert request(LLM | told) == (path, body, True)


def test_hidden_inputs_leave_the_parameters() -> None:
    told = LLM | {"input.value": "__REDACTED__", "llm.invocation_parameters": '{"n": 2}'}
    assert request(told) == ("/v1/chat/completions", {"model": "m", "n": 2, "messages": []}, False)
    assert request(LLM | {"input.value": "[7]"})[2] is False


def test_a_span_tells_its_model_and_its_cost() -> None:
    assert model({"embedding.model_name": "e", "llm.model_name": 7}) == "e"
    assert model({}) is None
    assert usage({"llm.token_count.prompt": 3}) == {"input": 3, "output": None, "reasoning": None}


def test_chains_and_tools_are_no_calls() -> None:
    assert is_call(LLM)
    assert not is_call({"openinference.span.kind": "CHAIN"})

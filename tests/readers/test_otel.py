"""GenAI spans, on what the OpenTelemetry SDK and its instrumentations wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.model import Parameters, Turn
from gateway.readers.base import Line
from tests.readers.support import DATA, read, read_one, settings

Attributes = dict[str, Any]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(element) for element in value]}}
    return {"stringValue": value} if isinstance(value, str) else value


def _pairs(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _export(attributes: Attributes, **span: Any) -> dict[str, Any]:
    one = {"startTimeUnixNano": "1750000000500000000", "attributes": _pairs(attributes)} | span
    return {"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}


def _line(attributes: Attributes, **span: Any) -> Line:
    return read_one("otel", _export({"gen_ai.operation.name": "chat"} | attributes, **span))


def _turns(attributes: Attributes, **span: Any) -> tuple[Turn, ...]:
    features = _line(attributes, **span).features
    assert features is not None
    return features.turns


def test_spans_of_the_openai_instrumentation_give_parameters_and_usage() -> None:
    chat, stream, embedding = read("otel", (DATA / "otel-openai.jsonl").read_bytes())
    assert chat.features is not None
    call = chat.features.call(chat.route)
    assert call.parameters == Parameters(
        max_tokens=20, n=2, temperature=0.2, top_p=0.9, seed=7, stop=1, grammar=True
    )
    assert (call.model, chat.usage) == ("demo", {"input_tokens": 9, "output_tokens": 26})
    assert (stream.route, embedding.route) == ("/v1/chat/completions", "/v1/embeddings")
    assert chat.ts == pytest.approx(1795442979.776313)


def test_without_a_user_the_service_is_the_principal_and_identity_is_lacking() -> None:
    chat, *_ = read("otel", (DATA / "otel-openai.jsonl").read_bytes())
    assert (chat.principal, chat.kind) == ("service:shop-assistant", "header")
    assert {"identity", "prompt", "probabilities", "client"} <= set(chat.lacks)
    assert _line({}).principal == "service:unknown"


def test_spans_with_messages_give_the_prompt_and_the_hashed_user() -> None:
    (line,) = read("otel", (DATA / "otel-messages.jsonl").read_bytes())
    assert line.features is not None
    assert line.features.turns == (Turn("system", "Be brief."), Turn("user", "Why is the sky blue?"))
    assert line.principal == settings().identifier().of_claim(b"alice").id
    assert "identity" not in line.lacks
    assert "prompt" not in line.lacks


def test_the_console_of_the_sdk_gives_what_its_file_gives() -> None:
    """A chat, and a message call that both the SDK and the instrumentation around it report."""
    chat, messages = read("otel", (DATA / "otel-console.json").read_bytes())
    assert chat.features is not None
    assert chat.features.turns == (Turn("system", "Be short."), Turn("user", "Hello from alice - 你好"))
    assert chat.features.parameters == {"max_tokens": 20, "temperature": 0.2}
    assert chat.usage == {"input_tokens": 10, "output_tokens": 9, "reasoning_tokens": 0}
    assert chat.principal == "service:chat-svc"
    assert chat.ts == pytest.approx(1795448980.536696)
    assert "request.stream" not in chat.lacks
    assert messages.features is not None
    assert messages.features.turns == (Turn("system", "Sys."), Turn("user", "Hi Claude"))
    failed = {"context": {}, "start_time": 1, "attributes": {"gen_ai.operation.name": "chat"}}
    assert read_one("otel", failed | {"status": {"status_code": "ERROR"}}).status == 500


def _spans(*spans: tuple[str, str, dict[str, Any]]) -> list[str]:
    """The models of the calls that are left of spans, each with its id, its source and more."""
    scopes = []
    for number, source, more in spans:
        told = {"gen_ai.operation.name": "chat", "gen_ai.request.model": more.pop("model", "m")}
        asked = (
            {"gen_ai.input.messages": '[{"role": "user", "content": "hi"}]'} if more.pop("text", 0) else {}
        )
        one = {"traceId": "t", "spanId": number, "startTimeUnixNano": 1, "endTimeUnixNano": 9}
        pairs = _pairs(told | asked | {"gen_ai.request.seed": int(number)})
        scopes.append({"scope": {"name": source}, "spans": [one | {"attributes": pairs} | more]})
    lines = read("otel", json.dumps({"resourceSpans": [{"scopeSpans": scopes}]}).encode())
    return sorted(str(line.features.parameters["seed"]) for line in lines if line.features)


@pytest.mark.parametrize(
    ("spans", "left"),
    [
        # Parent and child, in either order: the inner one, unless only the outer one has the prompt.
        ([("2", "sdk", {"parentSpanId": "1"}), ("1", "app", {})], ["2"]),
        ([("1", "app", {}), ("2", "sdk", {"parentSpanId": "1"})], ["2"]),
        ([("2", "sdk", {"parentSpanId": "1"}), ("1", "app", {"text": True})], ["1"]),
        ([("1", "app", {"text": True}), ("2", "sdk", {"parentSpanId": "1"})], ["1"]),
        # One call around two others is their frame, whatever it tells.
        (
            [("2", "s", {"parentSpanId": "1"}), ("3", "s", {"parentSpanId": "1"}), ("1", "a", {"text": 1})],
            ["2", "3"],
        ),
        # Beside each other under one parent: by another library, the same model, one within the other.
        ([("1", "a", {"parentSpanId": "p", "endTimeUnixNano": 5}), ("2", "b", {"parentSpanId": "p"})], ["1"]),
        ([("1", "a", {"parentSpanId": "p"}), ("2", "b", {"parentSpanId": "p", "endTimeUnixNano": 5})], ["2"]),
        ([("1", "a", {"parentSpanId": "p"}), ("2", "a", {"parentSpanId": "p"})], ["1", "2"]),
        ([("1", "a", {"parentSpanId": "p"}), ("2", "b", {"parentSpanId": "p", "model": "x"})], ["1", "2"]),
        ([("1", "a", {"parentSpanId": "p"}), ("2", "b", {"parentSpanId": "q"})], ["1", "2"]),
        ([("1", "a", {}), ("2", "b", {})], ["1", "2"]),
        (
            [
                ("1", "a", {"parentSpanId": "p", "endTimeUnixNano": 5}),
                ("2", "b", {"parentSpanId": "p", "startTimeUnixNano": 4}),
            ],
            ["1", "2"],
        ),
    ],
)
def test_a_call_that_two_libraries_report_counts_once(spans: Any, left: list[str]) -> None:
    assert _spans(*spans) == left


def test_only_so_many_calls_are_kept_back_to_find_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.readers.otel._WINDOW", 1)
    far = [("2", "s", {"parentSpanId": "1"}), ("8", "s", {}), ("9", "s", {}), ("1", "a", {})]
    assert _spans(*far) == ["1", "2", "8", "9"]


def test_other_spans_are_passed_over() -> None:
    for attributes in ({"gen_ai.operation.name": "execute_tool"}, {"http.route": "/"}):
        assert read("otel", json.dumps(_export(attributes)).encode()) == []


@pytest.mark.parametrize(
    ("attributes", "route"),
    [
        ({"gen_ai.provider.name": "anthropic"}, "/v1/messages"),
        ({"gen_ai.system": "Anthropic"}, "/v1/messages"),
        ({"gen_ai.operation.name": "text_completion"}, "/v1/completions"),
        ({"gen_ai.operation.name": "generate_content"}, "/v1/chat/completions"),
    ],
)
def test_the_route_follows_operation_and_provider(attributes: Attributes, route: str) -> None:
    assert _line(attributes).route == route


def test_the_older_conventions_are_read_too() -> None:
    older = {
        "llm.request.type": "chat",
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "be brief",
        "gen_ai.prompt.1.content": "hi",
        "gen_ai.usage.prompt_tokens": 3,
        "gen_ai.usage.completion_tokens": 4,
    }
    line = read_one("otel", _export(older))
    assert line.features is not None
    assert line.features.turns == (Turn("system", "be brief"), Turn("user", "hi"))
    assert line.usage == {"input_tokens": 3, "output_tokens": 4}


def test_messages_may_come_as_events() -> None:
    events = [
        {"name": "gen_ai.system.message", "attributes": _pairs({"content": "be brief"})},
        {"name": "gen_ai.user.message", "attributes": _pairs({"content": "hi"})},
        {"name": "gen_ai.choice", "attributes": _pairs({"content": "hello"})},
    ]
    assert _turns({}, events=events) == (Turn("system", "be brief"), Turn("user", "hi"))


def test_messages_may_be_structured_values() -> None:
    part = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "hi"}}]}}
    message = {
        "kvlistValue": {
            "values": [
                {"key": "role", "value": {"stringValue": "tool"}},
                {"key": "parts", "value": {"arrayValue": {"values": [part]}}},
            ]
        }
    }
    assert _turns({"gen_ai.input.messages": [message]}) == (Turn("tool", "hi"),)


@pytest.mark.parametrize("value", ["{no", "7", [7], [], '[{"role": "user", "parts": [7, {"x": 1}]}]'])
def test_messages_of_another_shape_are_no_messages(value: Any) -> None:
    assert _turns({"gen_ai.input.messages": value}) == ()


def test_bare_content_is_read_as_the_old_drafts_wrote_it() -> None:
    messages = json.dumps([{"role": "user", "content": "hi"}])
    assert _turns({"gen_ai.input.messages": messages}) == (Turn("user", "hi"),)


@pytest.mark.parametrize(
    ("attributes", "span", "status"),
    [
        ({}, {}, 200),
        ({}, {"status": {"code": 2}}, 500),
        ({}, {"status": {"code": "STATUS_CODE_ERROR"}}, 500),
        ({"error.type": "timeout"}, {}, 500),
        ({"http.response.status_code": 429}, {"status": {"code": 2}}, 429),
    ],
)
def test_the_status_is_told_as_far_as_it_is(attributes: Attributes, span: Any, status: int) -> None:
    assert _line(attributes, **span).status == status


def test_what_newer_conventions_tell_is_not_lacking() -> None:
    line = _line(
        {
            "gen_ai.request.stream": True,
            "client.address": "192.0.2.7",
            "gen_ai.usage.output_tokens": 9,
            "gen_ai.usage.reasoning.output_tokens": 5,
            "gen_ai.tool.definitions": '[{"name": "f"}]',
        }
    )
    assert line.features is not None
    assert line.features.stream
    assert line.features.parameters == {"tools": 1}
    assert (line.ip, line.usage) == ("192.0.2.7", {"output_tokens": 9, "reasoning_tokens": 5})
    assert not {"request.stream", "client", "usage.reasoning_tokens"} & set(line.lacks)


def test_parameters_of_another_type_are_taken_as_far_as_they_go() -> None:
    line = _line(
        {
            "gen_ai.request.max_tokens": {"doubleValue": 20.0},
            "gen_ai.request.temperature": 1,
            "gen_ai.request.top_p": "high",
            "gen_ai.request.seed": {"doubleValue": "NaN"},
            "gen_ai.request.stop_sequences": "END",
        }
    )
    assert line.features is not None
    assert line.features.parameters == {"max_tokens": 20, "temperature": 1.0, "stop": 1}


def test_an_attribute_of_an_unknown_kind_has_no_value() -> None:
    assert _line({"gen_ai.request.model": {"bytesValue": "AA=="}}).features is not None


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"resourceSpans": [7]}, "not a list of objects"),
        ({"resourceSpans": 7}, "not a list of objects"),
        (_export({"gen_ai.operation.name": "chat"}, startTimeUnixNano=None), "trace: not a time"),
        (_export({"gen_ai.operation.name": {"intValue": "many"}}), "invalid literal"),
        (_export({"gen_ai.operation.name": {"intValue": None}}), "not a intValue"),
    ],
)
def test_a_bad_export_says_what_is_wrong(item: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read("otel", json.dumps(item).encode())

"""OpenTelemetry GenAI spans in OTLP/JSON, as the collector's and the SDKs' file exporters write them.

The conventions are in development: these are the attributes of 1.28 to 1.37, and OpenLLMetry's older ones
for prompts. What the client did not set has no attribute, so an absent parameter reads as its default;
what the conventions have no attribute for is lacking. Messages are opt-in and mostly absent.
https://opentelemetry.io/docs/specs/semconv/gen-ai/ and the OTLP specification, JSON encoding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import IO, Any

from gateway.model import Principal, Role, Turn
from gateway.readers.base import Features, Gives, Line, Reader, moment, record, tokens, word
from gateway.readers.values import values

_ASKED: Mapping[str, tuple[str, str, str]] = {
    "chat": ("openai_chat", "chat", "/v1/chat/completions"),
    "generate_content": ("openai_chat", "chat", "/v1/chat/completions"),
    "text_completion": ("openai_completions", "completions", "/v1/completions"),
    "completion": ("openai_completions", "completions", "/v1/completions"),
    "embeddings": ("embeddings", "embeddings", "/v1/embeddings"),
    "embedding": ("embeddings", "embeddings", "/v1/embeddings"),
}
"""By operation; agents, tools and retrieval are no calls to a model."""
_MESSAGES = ("anthropic", "messages", "/v1/messages")
_USERS = ("user.id", "enduser.id", "enduser.pseudo.id", "user.hash")
_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "tool": "tool",
    "function": "tool",
    "assistant": "assistant",
    "model": "assistant",
}
_NEVER = (
    "probabilities",
    "request.reasoning",
    "request.batch",
    "request.end_user",
    "request.bytes",
    "account",
)
"""What the conventions have no attribute for."""


class OTel(Reader):
    """One item is an export request: resources, scopes, spans."""

    name = "otel"
    title = "OTLP trace"
    gives = Gives(
        "part",
        "part",
        "yes",
        "part",
        "yes",
        "messages are opt-in; no log-probabilities, logit bias or batch among the parameters; the principal "
        "is the hash of user.id or enduser.id, else the service, and then windows see nobody in particular",
    )

    @staticmethod
    def knows(head: bytes, first: object) -> bool:
        """The one key of an export request."""
        return isinstance(first, dict) and "resourceSpans" in first

    def items(self, file: IO[bytes]) -> Iterator[tuple[int, Any]]:
        """One request a line, or one written over many."""
        return values(file)

    def lines(self, item: Any) -> Iterable[Line]:
        """The spans that are calls to a model."""
        for resource in _list(record(item, "the request").get("resourceSpans")):
            service = _attributes(record(resource.get("resource"), "resource")).get("service.name")
            for scope in _list(resource.get("scopeSpans")):
                for span in _list(scope.get("spans")):
                    yield from self._span(span, service)

    def _span(self, span: dict[str, Any], service: object) -> Iterator[Line]:
        told = _attributes(span)
        asked = _asked(told)
        if asked is None:
            return
        dialect, endpoint, path = asked
        turns = _turns(span, told)
        principal, named = self._principal(told, service)
        cost = tokens(
            input=told.get("gen_ai.usage.input_tokens", told.get("gen_ai.usage.prompt_tokens")),
            output=told.get("gen_ai.usage.output_tokens", told.get("gen_ai.usage.completion_tokens")),
            reasoning=told.get("gen_ai.usage.reasoning.output_tokens"),
        )
        stream = told.get("gen_ai.request.stream")
        yield Line(
            ts=moment(span.get("startTimeUnixNano")),
            principal=principal.id,
            kind=principal.kind,
            ip=word(told.get("client.address")),
            route=path,
            usage=cost,
            status=_status(span, told),
            features=Features(
                dialect=dialect,
                endpoint=endpoint,
                model=word(told.get("gen_ai.request.model")),
                stream=stream is True,
                messages=len(turns),
                parameters=_parameters(told),
                turns=turns,
            ),
            lacks=(
                *_NEVER,
                *(() if turns else ("prompt", "request.messages", "request.prompts")),
                *(() if isinstance(stream, bool) else ("request.stream",)),
                *(() if named else ("identity",)),
                *(("client.user_agent",) if "client.address" in told else ("client",)),
                *(() if cost and "reasoning_tokens" in cost else ("usage.reasoning_tokens",)),
            ),
        )

    def _principal(self, told: dict[str, Any], service: object) -> tuple[Principal, bool]:
        """The user, else the service; and whether that is a user."""
        for name in _USERS:
            user = word(told.get(name))
            if user is not None:
                return self.settings.identifier().of_claim(user.encode("utf-8", "replace")), True
        return Principal(f"service:{word(service) or 'unknown'}", "header"), False


def _list(value: object) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(element, dict) for element in value):
        raise ValueError("not a list of objects where OTLP has one")
    return value


_READ: Mapping[str, Callable[[Any], object]] = {
    "stringValue": str,
    # 64-bit integers are text in JSON, because JavaScript has none.
    "intValue": int,
    "doubleValue": float,
    "boolValue": bool,
    "arrayValue": lambda value: [_value(element) for element in _list(value.get("values"))],
    "kvlistValue": lambda value: {pair["key"]: _value(pair["value"]) for pair in _list(value.get("values"))},
}


def _value(value: dict[str, Any]) -> object:
    for kind, read in _READ.items():
        if kind in value:
            try:
                return read(value[kind])
            except (TypeError, AttributeError, KeyError):
                raise ValueError(f"not a {kind}: {str(value[kind])[:40]!r}") from None
    return None


def _attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {
        str(pair.get("key")): _value(record(pair.get("value"), "value"))
        for pair in _list(holder.get("attributes"))
    }


def _asked(told: dict[str, Any]) -> tuple[str, str, str] | None:
    operation = told.get("gen_ai.operation.name", told.get("llm.request.type"))
    provider = told.get("gen_ai.provider.name", told.get("gen_ai.system"))
    if operation == "chat" and str(provider).lower() == "anthropic":
        return _MESSAGES
    return _ASKED.get(str(operation))


def _status(span: dict[str, Any], told: dict[str, Any]) -> int:
    code = told.get("http.response.status_code")
    if isinstance(code, int):
        return code
    # The codes of a status: 0 unset, 1 ok, 2 error; exporters also write the name.
    failed = record(span.get("status"), "status").get("code") in (2, "STATUS_CODE_ERROR")
    return 500 if failed or "error.type" in told else 200


def _parameters(told: dict[str, Any]) -> dict[str, Any]:
    stop = told.get("gen_ai.request.stop_sequences") or ()
    found = {
        "max_tokens": _whole(told.get("gen_ai.request.max_tokens")),
        "n": _whole(told.get("gen_ai.request.choice.count")),
        "temperature": _number(told.get("gen_ai.request.temperature")),
        "top_p": _number(told.get("gen_ai.request.top_p")),
        "seed": _whole(told.get("gen_ai.request.seed", told.get("gen_ai.openai.request.seed"))),
        "stop": 1 if isinstance(stop, str) else len(stop),
        "tools": len(_parts(told.get("gen_ai.tool.definitions"))),
        "grammar": _forced(told),
    }
    return {name: value for name, value in found.items() if value}


def _number(value: object) -> float | None:
    """A number; instrumentations take what the client gave, of whatever type."""
    return float(value) if isinstance(value, int | float) and isfinite(value) else None


def _whole(value: object) -> int | None:
    found = _number(value)
    return None if found is None else int(found)


def _forced(told: dict[str, Any]) -> bool:
    kinds = (told.get("gen_ai.output.type"), told.get("gen_ai.openai.request.response_format"))
    return any(kind in ("json", "json_object", "json_schema") for kind in kinds)


# --- messages ------------------------------------------------------------------------------------------


def _turns(span: dict[str, Any], told: dict[str, Any]) -> tuple[Turn, ...]:
    """The conversation, wherever this instrumentation put it; without the answer."""
    found = [*_instructions(told), *_messages(told), *_numbered(told), *_events(span)]
    return tuple(Turn(role, text) for role, text in found if text)


def _parts(value: object) -> list[Any]:
    """A list that some exporters write as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return value if isinstance(value, list) else []


def _said(parts: object) -> str:
    """The text in parts of a message."""
    if isinstance(parts, str):
        return parts
    texts = [part.get("content", part.get("text")) for part in _parts(parts) if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _instructions(told: dict[str, Any]) -> Iterator[tuple[Role, str]]:
    yield "system", _said(_parts(told.get("gen_ai.system_instructions")))


def _messages(told: dict[str, Any]) -> Iterator[tuple[Role, str]]:
    for message in _parts(told.get("gen_ai.input.messages")):
        if isinstance(message, dict):
            yield _role(message.get("role")), _said(message.get("parts", message.get("content")))


def _numbered(told: dict[str, Any]) -> Iterator[tuple[Role, str]]:
    """OpenLLMetry: `gen_ai.prompt.0.role`, `gen_ai.prompt.0.content`, and so on."""
    at = 0
    while (content := told.get(f"gen_ai.prompt.{at}.content")) is not None:
        yield _role(told.get(f"gen_ai.prompt.{at}.role")), _said(content)
        at += 1


def _events(span: dict[str, Any]) -> Iterator[tuple[Role, str]]:
    """The conventions before 1.37: one event for each message."""
    for event in _list(span.get("events")):
        kind = str(event.get("name"))
        if kind.startswith("gen_ai.") and kind.endswith(".message"):
            yield _role(kind.split(".")[1]), _said(_attributes(event).get("content"))


def _role(value: object) -> Role:
    return _ROLES.get(str(value), "user")

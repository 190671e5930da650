"""OpenTelemetry GenAI spans, from OTLP/JSON files and the SDKs' console exporters.

The conventions are in development: these are the attributes of 1.28 to 1.37, OpenLLMetry's own, and
OpenInference's. What the client did not set has no attribute, so an absent parameter reads as its default;
what the conventions have no attribute for is lacking. Messages are opt-in and mostly absent.
https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import IO, Any

import msgspec

from gateway.model import Principal, Role, Turn
from gateway.readers import openinference
from gateway.readers.base import Features, Gives, Line, Reader, tokens, word
from gateway.readers.spans import Span, knows, spans
from gateway.readers.values import BrokenTextError, values

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
_WINDOW = 256
"""Calls that are kept back in case that another span of the same call follows."""


class OTel(Reader):
    """One item is a span."""

    name = "otel"
    title = "GenAI span"
    gives = Gives(
        "part",
        "part",
        "yes",
        "part",
        "yes",
        "messages are opt-in; no log-probabilities, logit bias or batch among the parameters except under "
        "OpenInference; the principal is the hash of user.id or enduser.id, else the service, and then "
        "windows see nobody in particular",
    )

    @staticmethod
    def knows(head: bytes, first: object) -> bool:
        """An export request, or a span on the console."""
        return knows(first)

    def items(self, file: IO[bytes]) -> Iterator[tuple[int, Any]]:
        """Each span; None for one that tells of a call which another span tells too."""
        return _once(_numbered_spans(file))

    def lines(self, item: Any) -> Iterable[Line]:
        """The span's request, if it is a call to a model."""
        if item is None:
            return
        if openinference.is_call(item.told):
            yield self._recorded(item)
        elif (asked := _asked(item.told)) is not None:
            yield self._described(item, *asked)

    def _recorded(self, span: Span) -> Line:
        """A call of which the body is known."""
        path, body, prompted = openinference.request(span.told)
        principal, named = self._principal(span)
        cost = tokens(**openinference.usage(span.told))
        return Line(
            ts=span.start,
            principal=principal.id,
            kind=principal.kind,
            route=path,
            request=msgspec.Raw(msgspec.json.encode(body)),
            usage=cost,
            status=_status(span),
            lacks=(
                *("account", "client", "request.bytes"),
                *(() if prompted else ("prompt", "request.messages", "request.prompts")),
                *(() if named else ("identity",)),
            ),
        )

    def _described(self, span: Span, dialect: str, endpoint: str, path: str) -> Line:
        """A call of which single parameters are known."""
        told, turns = span.told, _turns(span)
        principal, named = self._principal(span)
        cost = tokens(
            input=told.get("gen_ai.usage.input_tokens", told.get("gen_ai.usage.prompt_tokens")),
            output=told.get("gen_ai.usage.output_tokens", told.get("gen_ai.usage.completion_tokens")),
            reasoning=told.get(
                "gen_ai.usage.reasoning.output_tokens", told.get("gen_ai.usage.reasoning_tokens")
            ),
        )
        stream = _streams(told)
        return Line(
            ts=span.start,
            principal=principal.id,
            kind=principal.kind,
            ip=word(told.get("client.address")),
            route=path,
            usage=cost,
            status=_status(span),
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

    def _principal(self, span: Span) -> tuple[Principal, bool]:
        """The user, else the service; and whether that is a user."""
        for name in _USERS:
            user = word(span.told.get(name))
            if user is not None:
                return self.settings.identifier().of_claim(user.encode("utf-8", "replace")), True
        return Principal(f"service:{word(span.service) or 'unknown'}", "header"), False


# --- each call once ------------------------------------------------------------------------------------

_Numbered = tuple[int, Span]


def _numbered_spans(file: IO[bytes]) -> Iterator[_Numbered]:
    for number, item in values(file):
        try:
            for span in spans(item):
                yield number, span
        except ValueError as error:
            raise BrokenTextError(number, f"not an OpenTelemetry trace: {error}") from None


def _once(found: Iterator[_Numbered]) -> Iterator[tuple[int, Span | None]]:
    """Each call once, where both a framework and the SDK below it report their calls.

    Of two spans the one with the prompt stays, else the inner one, which is closer to the wire.
    """
    held: dict[object, _Numbered] = {}
    for number, span in found:
        if span.id is None or not _is_call(span):
            yield number, span
            continue
        twins = [key for key, (_, other) in held.items() if _same(span, other)]
        if twins and not (len(twins) == 1 and _tells_more(span, held[twins[0]][1])):
            yield number, None
            continue
        for key in twins:
            yield held.pop(key)[0], None
        held[span.id] = (number, span)
        if len(held) > _WINDOW:
            yield held.pop(next(iter(held)))
    yield from held.values()


def _same(one: Span, other: Span) -> bool:
    """Whether two spans tell of one call: parent and child, or one beside the other by another library."""
    if one.parent == other.id or other.parent == one.id:
        return True
    beside = one.source != other.source and one.parent is not None and one.parent == other.parent
    return beside and _model(one) == _model(other) and (_inside(one, other) or _inside(other, one))


def _inside(one: Span, other: Span) -> bool:
    return other.start <= one.start and one.end <= other.end


def _tells_more(one: Span, other: Span) -> bool:
    if _prompted(one) != _prompted(other):
        return _prompted(one)
    return one.parent == other.id or (other.parent != one.id and _inside(one, other))


def _model(span: Span) -> object:
    return span.told.get("gen_ai.request.model") or openinference.model(span.told)


def _prompted(span: Span) -> bool:
    return openinference.is_call(span.told) or bool(_turns(span))


def _is_call(span: Span) -> bool:
    return openinference.is_call(span.told) or _asked(span.told) is not None


# --- attributes ----------------------------------------------------------------------------------------


def _asked(told: dict[str, Any]) -> tuple[str, str, str] | None:
    operation = told.get("gen_ai.operation.name", told.get("llm.request.type"))
    provider = told.get("gen_ai.provider.name", told.get("gen_ai.system"))
    if operation == "chat" and str(provider).lower() == "anthropic":
        return _MESSAGES
    return _ASKED.get(str(operation))


def _status(span: Span) -> int:
    code = span.told.get("http.response.status_code")
    if isinstance(code, int):
        return code
    return 500 if span.failed or "error.type" in span.told else 200


def _streams(told: dict[str, Any]) -> object:
    names = ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming")
    return next((told[name] for name in names if name in told), None)


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


def _turns(span: Span) -> tuple[Turn, ...]:
    """The conversation, wherever this instrumentation put it; without the answer."""
    told = span.told
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


def _events(span: Span) -> Iterator[tuple[Role, str]]:
    """The conventions before 1.37: one event for each message."""
    for kind, attributes in span.events:
        if kind.startswith("gen_ai.") and kind.endswith(".message"):
            yield _role(kind.split(".")[1]), _said(attributes.get("content"))


def _role(value: object) -> Role:
    return _ROLES.get(str(value), "user")

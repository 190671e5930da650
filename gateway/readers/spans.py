"""Spans of traces as exporters write them: OTLP/JSON, and the lines of the SDKs' console exporters.

Only the form is known here; what attributes mean is not (`gateway.readers.otel`).
https://opentelemetry.io/docs/specs/otlp/ (JSON encoding)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.readers.base import moment, record


@dataclass(frozen=True, slots=True)
class Span:
    """One span; times in seconds since the epoch, `events` are names with attributes."""

    told: dict[str, Any]
    start: float
    end: float
    source: str
    """What reported it: the instrumentation, or where that is not told the span's own name."""
    failed: bool = False
    events: tuple[tuple[str, dict[str, Any]], ...] = ()
    service: object = None
    id: tuple[str, str] | None = None
    """Trace and span."""
    parent: tuple[str, str] | None = None


def knows(first: object) -> bool:
    """The one key of an export request, or what every line of the console has."""
    return isinstance(first, dict) and ("resourceSpans" in first or first.keys() >= _CONSOLE)


def spans(item: object) -> Iterator[Span]:
    """The spans of one JSON value, of either form. Raises ValueError."""
    found = record(item, "the request")
    if found.keys() >= _CONSOLE:
        yield _printed(found)
    for resource in _list(found.get("resourceSpans")):
        service = _attributes(record(resource.get("resource"), "resource")).get("service.name")
        for scope in _list(resource.get("scopeSpans")):
            name = record(scope.get("scope"), "scope").get("name")
            for span in _list(scope.get("spans")):
                yield _exported(span, service, name)


def _ids(trace: object, *spans_: object) -> tuple[tuple[str, str] | None, ...]:
    return tuple((str(trace), str(span)) if trace and span else None for span in spans_)


# --- the console ---------------------------------------------------------------------------------------

_CONSOLE = frozenset({"context", "start_time", "attributes"})


def _printed(span: dict[str, Any]) -> Span:
    context = record(span["context"], "context")
    resource = record(span.get("resource"), "resource")
    identity, parent = _ids(context.get("trace_id"), context.get("span_id"), span.get("parent_id"))
    events = _list(span.get("events"))
    return Span(
        record(span["attributes"], "attributes"),
        moment(span["start_time"]),
        moment(span.get("end_time") or span["start_time"]),
        str(span.get("name")),
        record(span.get("status"), "status").get("status_code") == "ERROR",
        tuple((str(event.get("name")), record(event.get("attributes"), "attributes")) for event in events),
        record(resource.get("attributes"), "attributes").get("service.name"),
        identity,
        parent,
    )


# --- OTLP ----------------------------------------------------------------------------------------------


def _exported(span: dict[str, Any], service: object, scope: object) -> Span:
    start = span.get("startTimeUnixNano")
    identity, parent = _ids(span.get("traceId"), span.get("spanId"), span.get("parentSpanId"))
    return Span(
        _attributes(span),
        moment(start),
        moment(span.get("endTimeUnixNano") or start),
        str(scope or span.get("name")),
        # The codes of a status: 0 unset, 1 ok, 2 error; exporters also write the name.
        record(span.get("status"), "status").get("code") in (2, "STATUS_CODE_ERROR"),
        tuple((str(event.get("name")), _attributes(event)) for event in _list(span.get("events"))),
        service,
        identity,
        parent,
    )


def _list(value: object) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(element, dict) for element in value):
        raise ValueError("not a list of objects where a trace has one")
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

"""LiteLLM: rows of `LiteLLM_SpendLogs` as JSON or CSV, and the callbacks' `standard_logging_object`.

A row is what the proxy writes to its database; JSON columns come as text or as objects, by the export.
Prompts and parameters stand in a row only with `store_prompts_in_spend_logs: true`. A callback payload
has them unless message logging is off. Fields as of LiteLLM 1.106 (schema.prisma, StandardLoggingPayload).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import IO, Any

import msgspec

from gateway.dialects.routes import resolve
from gateway.model import Principal, Route
from gateway.readers.base import ABSENT, Features, Gives, Line, Reader, moment, record, tokens, word
from gateway.readers.tables import columns, rows
from gateway.readers.values import values

_ROUTES: Mapping[str, str] = {
    "completion": "/v1/chat/completions",
    "text_completion": "/v1/completions",
    "embedding": "/v1/embeddings",
    "responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
}
"""By `call_type`, of which the asynchronous ones begin with an `a`."""
_CONTENT = {"/v1/completions": "prompt", "/v1/embeddings": "input", "/v1/responses": "input"}
"""Where a body of this route holds what LiteLLM logs as messages; elsewhere under `messages`."""
_TEXTS = frozenset({"/v1/completions", "/v1/embeddings"})
_HASH = re.compile(r"[0-9a-f]{64}")
"""LiteLLM logs a key as its SHA-256."""
_REDACTED = "redacted-by-litellm"
_COLUMNS = frozenset({"call_type", "startTime"})
_ADDED = ("litellm_", "_litellm_", "proxy_server_request", "secret_fields")
"""Keys that begin so are the proxy's own notes in the body of a request: headers, keys, budgets, mails."""
_SOFTWARE = "User-Agent: "
"""The proxy tags each request with the client's software, which says nothing about who is behind it."""


class LiteLLM(Reader):
    """One item is a row, a payload, or an object that holds one under `standard_logging_object`."""

    name = "litellm"
    title = "LiteLLM log entry"
    gives = Gives(
        "part",
        "part",
        "yes",
        "yes",
        "yes",
        "spend logs hold prompts and parameters only with `store_prompts_in_spend_logs: true`, callback "
        "payloads unless message logging is off; no tier; the principal is LiteLLM's hash of the key",
    )

    @staticmethod
    def knows(head: bytes, first: object) -> bool:
        """All forms name the type of call and write time in camel case."""
        if not isinstance(first, dict):
            return _is_table(head.partition(b"\n")[0])
        return "standard_logging_object" in first or first.keys() >= _COLUMNS

    def items(self, file: IO[bytes]) -> Iterator[tuple[int, Any]]:
        """Rows by line, the elements of an array, or the rows of a table."""
        first = file.readline()
        return rows(first, file) if _is_table(first) else values(chain((first,), file))

    def lines(self, item: Any) -> Iterable[Line]:
        """The logged call, if it asked a model for text or embeddings."""
        entry = record(item, "the entry")
        entry = record(entry.get("standard_logging_object", entry), "standard_logging_object")
        if "startTime" not in entry:
            raise ValueError("missing required field `startTime`")
        metadata = record(_json(entry.get("metadata")), "metadata")
        path = _path(entry, metadata)
        route = None if path is None else resolve("POST", path)
        if path is not None and route is not None:
            yield self._line(entry, metadata, path, route)

    def _line(self, entry: dict[str, Any], metadata: dict[str, Any], path: str, route: Route) -> Line:
        body, lacks = _body(entry, route)
        model = word(entry.get("model_group")) or word(entry.get("model"))
        principal, named = self._principal(entry, metadata)
        usage = tokens(
            input=entry.get("prompt_tokens"),
            output=entry.get("completion_tokens"),
            reasoning=_details(metadata).get("reasoning_tokens"),
        )
        return Line(
            ts=moment(entry["startTime"]),
            principal=principal.id,
            request=ABSENT if body is None else msgspec.Raw(msgspec.json.encode({"model": model, **body})),
            kind=principal.kind,
            org=_first(
                entry, metadata, "organization_id", "user_api_key_org_id", "team_id", "user_api_key_team_id"
            ),
            tier=principal.tier,
            tags=_tags(entry),
            ip=word(entry.get("requester_ip_address")),
            ua=_first(entry, metadata, "user_agent"),
            route=path,
            usage=usage,
            status=_status(entry, metadata),
            features=Features(route.dialect, route.endpoint, model) if body is None else None,
            lacks=(*lacks, "request.bytes", "principal.tier", *(() if named else ("identity",))),
        )

    def _principal(self, entry: dict[str, Any], metadata: dict[str, Any]) -> tuple[Principal, bool]:
        """Who was billed, and whether anybody is named at all."""
        key = _first(entry, metadata, "api_key", "user_api_key_hash", "user_api_key")
        address = word(entry.get("requester_ip_address"))
        if key is not None:
            return Principal(key) if _HASH.fullmatch(key) else self.settings.identifier().of_key(
                key.encode()
            ), True
        principal, _ = self.settings.identifier().principal([], address, None)
        return principal, address is not None


def _is_table(line: bytes) -> bool:
    return columns(line)[1] >= _COLUMNS


def _tags(entry: dict[str, Any]) -> tuple[str, ...]:
    found = _json(entry.get("request_tags"))
    tags = found if isinstance(found, list) else []
    return tuple(tag for tag in tags if isinstance(tag, str) and not tag.startswith(_SOFTWARE))


def _json(value: object) -> object:
    """A JSON column, which exports give as text or as what it holds."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError:
        return None


def _first(entry: dict[str, Any], metadata: dict[str, Any], *names: str) -> str | None:
    return next(
        (found for name in names for held in (entry, metadata) if (found := word(held.get(name)))), None
    )


def _path(entry: dict[str, Any], metadata: dict[str, Any]) -> str | None:
    told = word(metadata.get("user_api_key_request_route"))
    if told is not None:
        return told
    kind = str(entry.get("call_type") or "")
    return _ROUTES.get(kind) or _ROUTES.get(kind.removeprefix("a"))


def _body(entry: dict[str, Any], route: Route) -> tuple[dict[str, Any] | None, list[str]]:
    """The request as it was sent, or put together from what was logged, and what it lacks."""
    sent = _json(entry.get("proxy_server_request"))
    if isinstance(sent, dict) and sent:
        return _as_sent(record(sent.get("body", sent), "proxy_server_request.body")), []
    messages = _json(entry.get("messages"))
    if not isinstance(messages, list | str) or not messages or _REDACTED in json.dumps(messages):
        messages = None
    parameters = entry.get("model_parameters")
    lacks = ["prompt"] if messages is None else []
    if not isinstance(parameters, dict):
        lacks += ["parameters", "usage.logprob_tokens"]
    if messages is None and not isinstance(parameters, dict):
        return None, lacks
    name = _CONTENT.get(route.path, "messages")
    content = _texts(messages) if route.path in _TEXTS else messages
    return {**record(parameters, "model_parameters"), name: content or []}, lacks


def _as_sent(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what the proxy added; of `metadata` what a client may name its user by."""
    kept = {name: value for name, value in body.items() if not name.startswith(_ADDED)}
    metadata = kept.pop("metadata", None)
    if isinstance(metadata, dict) and "user_id" in metadata:
        kept["metadata"] = {"user_id": metadata["user_id"]}
    return kept


def _texts(messages: object) -> object:
    """The bare texts of what was logged as messages."""
    if not isinstance(messages, list):
        return messages
    return [message.get("content") if isinstance(message, dict) else message for message in messages]


def _details(metadata: dict[str, Any]) -> dict[str, Any]:
    held = record(metadata.get("additional_usage_values") or metadata.get("usage_object"), "usage")
    return record(held.get("completion_tokens_details"), "completion_tokens_details")


def _status(entry: dict[str, Any], metadata: dict[str, Any]) -> int:
    if entry.get("status") != "failure":
        return 200
    error = entry.get("error_information") or metadata.get("error_information")
    code = str(record(error, "error_information").get("error_code"))
    return int(code) if code.isascii() and code.isdigit() else 500

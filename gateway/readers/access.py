"""Access logs as JSON, of Envoy, nginx and what writes like them: who, when, where to, how large.

There is no content in an access log, so that only rates, rhythm and addresses can be judged. Formats are
the operator's own: each thing is looked for under the usual keys, after those that `--field` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from gateway.dialects.routes import resolve
from gateway.model import Principal
from gateway.readers.base import Features, Gives, Line, Reader, moment, record, tokens
from gateway.readers.values import values
from gateway.words import quote

NAMES: Mapping[str, tuple[str, ...]] = {
    "time": ("start_time", "msec", "time_iso8601", "@timestamp", "timestamp", "time", "ts", "time_local"),
    "path": ("x_envoy_original_path", "path", "request_uri", "uri", "url", ":path"),
    "request": ("request", "request_line"),
    "method": ("method", "request_method", ":method"),
    "status": ("response_code", "status", "status_code"),
    "key": ("authorization", "http_authorization", "x_api_key", "http_x_api_key", "api_key"),
    "principal": ("consumer", "consumer_id", "principal", "remote_user", "user_id"),
    "org": ("org", "organization", "tenant"),
    "ip": ("downstream_remote_address", "remote_addr", "client_ip", "remote_address", "ip"),
    "forwarded": ("x_forwarded_for", "http_x_forwarded_for"),
    "user_agent": ("user_agent", "http_user_agent"),
    "bytes": ("bytes_received", "content_length", "http_content_length", "request_length"),
    "model": ("model", "gen_ai.request.model", "request_model"),
    "input_tokens": ("input_tokens", "gen_ai.usage.input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "gen_ai.usage.output_tokens", "completion_tokens"),
    "took": ("request_time",),
}
"""What is looked for, and the usual keys: Envoy's command operators and nginx's variables in lower case.

`took` is nginx's: it writes a line when the request has ended, so that it began so many seconds before.
Its `request_length` counts the headers too, hence stands last.
"""
_ALWAYS = ("prompt", "parameters", "usage.reasoning_tokens", "usage.logprob_tokens")


class Access(Reader):
    """One item is a line of the log."""

    name = "access"
    title = "access log line"
    gives = Gives(
        "no",
        "no",
        "part",
        "yes",
        "yes",
        "the principal is the keyed hash of a logged key or name, else of the address; "
        "model, size and token counts where they are logged",
    )

    @staticmethod
    def knows(head: bytes, first: object) -> bool:
        """A time and a target under usual keys; asked last, as others have those too."""
        if not isinstance(first, dict):
            return False
        found = {_plain(key) for key in first}
        return not found.isdisjoint(NAMES["time"]) and not found.isdisjoint(
            (*NAMES["path"], *NAMES["request"])
        )

    def items(self, file: IO[bytes]) -> Iterator[tuple[int, Any]]:
        """One line, one object."""
        return values(file)

    def lines(self, item: Any) -> Iterable[Line]:
        """The request, if it went to a model API."""
        entry = _Entry(record(item, "the line"), self.settings.names)
        method, target = entry.target()
        route = resolve(method, target)
        if route is None:
            return
        principal, client = self._principal(entry)
        size, model = entry.number("bytes"), entry.text("model")
        cost = tokens(input=entry.number("input_tokens"), output=entry.number("output_tokens"))
        lacks = {"request.model": model, "request.bytes": size, "usage": cost}
        lacks |= {"client.ip": client[0], "client.user_agent": client[1]}
        if client[0] is None and principal.kind == "address":
            lacks["identity"] = None
        yield Line(
            ts=moment(entry.get("time")) - entry.seconds("took"),
            principal=principal.id,
            kind=principal.kind,
            org=entry.text("org") or principal.org,
            tier=principal.tier,
            tags=principal.tags,
            since=principal.since,
            ip=client[0],
            ua=client[1],
            route=target.partition("?")[0],
            method=method,
            usage=cost,
            status=entry.number("status"),
            features=Features(route.dialect, route.endpoint, model, size=size or 0),
            lacks=(*_ALWAYS, *(name for name, value in lacks.items() if value is None)),
        )

    def _principal(self, entry: _Entry) -> tuple[Principal, tuple[str | None, str | None]]:
        """Who, and from which address with which software."""
        identifier = self.settings.identifier()
        hops = entry.text("forwarded")
        headers = [] if hops is None else [(b"x-forwarded-for", hops.encode("latin-1", "replace"))]
        principal, client = identifier.principal(headers, entry.text("ip"), None)
        key, name = entry.text("key"), entry.text("principal")
        if key is not None:
            principal = identifier.of_key(key.encode("utf-8", "replace"))
        elif name is not None:
            principal = identifier.of_claim(name.encode("utf-8", "replace"))
        return principal, (client.ip, entry.text("user_agent"))


def _plain(key: str) -> str:
    """A key as NAMES has it: `X-Forwarded-For` and `x_forwarded_for` are one."""
    return key.lower().replace("-", "_")


def _flat(prefix: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What stands inside objects, under names such as `request.headers.authorization`; lists say nothing."""
    for key, value in entry.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{key}.", value)
        elif not isinstance(value, list):
            yield prefix + key, value


class _Entry:
    """One line, asked by what is meant rather than by key."""

    def __init__(self, entry: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> None:
        self._entry = {_plain(key): value for key, value in _flat("", entry)}
        self._names = names

    def get(self, what: str) -> Any:
        """The first value that says something, under the operator's keys, then the usual ones."""
        for key in (*map(_plain, self._names.get(what, ())), *NAMES[what]):
            value = self._entry.get(key)
            if value not in (None, "", "-"):
                return value
        return None

    def text(self, what: str) -> str | None:
        """The same as text."""
        value = self.get(what)
        return None if value is None else str(value)

    def number(self, what: str) -> int | None:
        """The same as a whole number, which formats without types write as text."""
        value = self.text(what) or ""
        return int(value) if value.isascii() and value.isdigit() else None

    def seconds(self, what: str) -> float:
        """The same as a span of time. Raises ValueError."""
        text = self.text(what) or "0"
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"not a number of seconds: {quote(text)}") from None

    def target(self) -> tuple[str, str]:
        """Method and path. Raises ValueError without a path."""
        method, path = self.text("method"), self.text("path")
        words = (self.text("request") or "").split()
        if path is None and len(words) >= 2:
            method, path = method or words[0], words[1]
        if path is None:
            raise ValueError("no path: name its key with --field path=KEY")
        return (method or "POST").upper(), path

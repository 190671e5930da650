"""mitmproxy's flow dumps (`mitmdump -w`), read by mitmproxy itself, which migrates those of old versions.

mitmproxy is imported only here, and only when there is a dump to read: it is an extra, and lives in an
environment of its own (docs/decisions/0003).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import IO, Any

from gateway.readers import http
from gateway.readers.base import Gives, Line, Reader

_BEGINS = re.compile(rb"[0-9]{1,12}:[0-9]{1,6}:")
"""A tnetstring dictionary begins with its length, then that of its first key."""


class Flows(Reader):
    """One item is a flow."""

    name = "flows"
    title = "flow"
    gives = Gives(
        "yes",
        "yes",
        "part",
        "yes",
        "yes",
        "identity is the keyed hash of the API key, else of the client's address; "
        "answers that mitmproxy streamed have no body, hence no usage; needs the extra [mitmproxy]",
    )

    @staticmethod
    def knows(head: bytes, first: object) -> bool:
        """A length where JSON would have a brace."""
        return _BEGINS.match(head) is not None

    def items(self, file: IO[bytes]) -> Iterator[tuple[int, Any]]:
        """HTTP flows; DNS and raw TCP are passed over."""
        try:
            from mitmproxy.exceptions import FlowReadException
            from mitmproxy.http import HTTPFlow
            from mitmproxy.io import FlowReader
        except ImportError:
            message = "a mitmproxy flow dump: install the extra, pip install 'stillgate[mitmproxy]'"
            raise ValueError(message) from None
        good = 0
        try:
            for flow in FlowReader(file).stream():
                good += 1
                if isinstance(flow, HTTPFlow):
                    yield 0, flow
        except FlowReadException as error:
            raise ValueError(f"flow {good + 1} cannot be read: {error}") from None

    def lines(self, item: Any) -> Iterable[Line]:
        """The flow's request, if it went to a model API."""
        return http.lines(_heard(item), self.settings.identifier())


def _heard(flow: Any) -> http.Heard:
    request, response = flow.request, flow.response
    peer = flow.client_conn.peername
    return http.Heard(
        ts=request.timestamp_start,
        method=request.method.upper(),
        target=request.data.path,
        headers=_headers(request),
        body=request.raw_content,
        status=None if response is None else response.status_code,
        answer_headers=[] if response is None else _headers(response),
        # Empty where mitmproxy passed the body on without keeping it.
        answer=None if response is None else response.raw_content or None,
        peer_ip=peer[0] if peer else None,
        finished=flow.error is None,
    )


def _headers(message: Any) -> http.Headers:
    return [(name.lower(), value) for name, value in message.headers.fields]

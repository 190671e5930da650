"""The formats that recorded traffic comes in: one file each, and the one table that names them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO

from gateway.readers.access import Access
from gateway.readers.base import Reader
from gateway.readers.flows import Flows
from gateway.readers.har import HAR
from gateway.readers.lines import Lines
from gateway.readers.litellm import LiteLLM
from gateway.readers.otel import OTel
from gateway.readers.records import Records
from gateway.readers.values import first_value
from gateway.words import quote

READERS: Mapping[str, type[Reader]] = {
    reader.name: reader for reader in (Records, Lines, HAR, Flows, LiteLLM, OTel, Access)
}
"""In the order in which they are asked whether they know a file."""

_HEAD, _LONGEST = 1 << 20, 1 << 24
"""Bytes looked at to tell a format: this many, and the rest of a longer first line."""

_TEXT_LOG = re.compile(rb'(\S+ \S+ \S+ \[|\[\d{4}-\d\d-\d\dT)[^\n]*"[A-Z]+ [^\n"]* HTTP/')
"""The default lines of nginx and Apache, and of Envoy."""
_VLLM = re.compile(rb"Received request \S+: (prompt|params): ")
"""As vLLM logs requests; the form differs between versions, and none names a key or an address."""
_SPAN = '{"resourceSpans": …}'


def detect(file: IO[bytes]) -> type[Reader]:
    """The reader that knows the bytes of a file. Raises ValueError, saying what the file seems to be."""
    head = file.read(_HEAD)
    if b"\n" not in head:
        head += file.readline(_LONGEST)
    first = first_value(head)
    found = next((reader for reader in READERS.values() if reader.knows(head, first)), None)
    if found is None and (strange := _strange(head, first)):
        raise ValueError(strange)
    return found or Lines


def _strange(head: bytes, first: object) -> str | None:
    """What is wrong with a file that no reader knows; None for a beginning of traffic lines."""
    if _TEXT_LOG.match(head):
        return "an access log as text: log as JSON (docs/inputs.md has the settings for nginx and Envoy)"
    if _VLLM.search(head):
        return "a log of vLLM, which names nobody: record at the gateway or a proxy in front of it"
    if isinstance(first, dict):
        if {"resourceLogs", "resourceMetrics"} & first.keys():
            return f"OpenTelemetry logs or metrics, which hold no requests: export the traces, {_SPAN}"
        if {"ts", "principal", "request", "features"} & first.keys():
            return None
        names = ", ".join(quote(name) for name in list(first)[:5])
        return f"JSON of no known format (its first keys: {names}): docs/inputs.md lists what can be read"
    if first is None and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"", b"{"):
        return None
    start = quote(head[:40].decode("utf-8", "replace"))
    return f"of no known format (it begins with {start}): docs/inputs.md lists what can be read"

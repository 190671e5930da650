"""The formats that recorded traffic comes in: one file each, and the one table that names them."""

from __future__ import annotations

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

READERS: Mapping[str, type[Reader]] = {
    reader.name: reader for reader in (Records, Lines, HAR, Flows, LiteLLM, OTel, Access)
}
"""In the order in which they are asked whether they know a file."""

_HEAD, _LONGEST = 1 << 20, 1 << 24
"""Bytes looked at to tell a format: this many, and the rest of a longer first line."""


def detect(file: IO[bytes]) -> type[Reader]:
    """The reader that knows the bytes of a file; where none does, that of lines, which says why."""
    head = file.read(_HEAD)
    if b"\n" not in head:
        head += file.readline(_LONGEST)
    first = first_value(head)
    return next((reader for reader in READERS.values() if reader.knows(head, first)), Lines)

"""HAR 1.2 (HTTP Archive), as browsers, mitmproxy, Charles, Fiddler and Insomnia save it.

Read here rather than by mitmproxy, so that no extra is needed. One file is one JSON value and is held
in memory while it is read. Playwright may put the bodies beside it, all in one ZIP archive.
http://www.softwareishard.com/blog/har-12-spec/
"""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import IO, Any
from urllib.parse import urlsplit

from gateway.readers import http
from gateway.readers.base import Gives, Line, Reader, moment, record
from gateway.readers.values import values

_DECODED = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
"""HAR bodies are saved without codings, under the headers that still name them (HAR 1.2, content)."""


_ZIP = b"PK\x03\x04"
_LARGEST = 256 * 1024 * 1024
"""Bytes unpacked from an archive at most, all files together."""

Bodies = Mapping[str, bytes]
"""Files that entries name as `_file` instead of holding a text."""


class HAR(Reader):
    """One item is an entry."""

    name = "har"
    title = "HAR entry"
    gives = Gives(
        "yes",
        "yes",
        "yes",
        "part",
        "yes",
        "the principal is the keyed hash of the API key; without a key header the whole file is one client",
    )

    @staticmethod
    def knows(head: bytes, first: object) -> bool:
        """A log with entries, whose beginning is in sight, or an archive."""
        if head.startswith(_ZIP):
            return True
        text = b"".join(head.removeprefix(b"\xef\xbb\xbf")[:200].split())
        return text.startswith(b'{"log":')

    def items(self, file: IO[bytes]) -> Iterator[tuple[int, Any]]:
        """The entries, each with its position for messages; lines are not known inside one value."""
        first = file.readline()
        bodies: Bodies = {}
        lines: Iterable[bytes] = chain((first,), file)
        if first.startswith(_ZIP):
            lines, bodies = _unpacked(first + file.read())
        for number, document in values(lines):
            log = record(document, "the file").get("log")
            if not isinstance(log, dict) or not isinstance(log.get("entries"), list):
                raise ValueError("no HAR file: log.entries is missing")
            yield from ((number, (at, entry, bodies)) for at, entry in enumerate(log["entries"]))

    def lines(self, item: Any) -> Iterable[Line]:
        """The entry's request, if it went to a model API."""
        at, entry, bodies = item
        try:
            yield from http.lines(_heard(record(entry, "the entry"), bodies), self.settings.identifier())
        except (ValueError, KeyError, TypeError) as error:
            missing = f"missing {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"log.entries[{at}]: {missing}") from None


def _unpacked(data: bytes) -> tuple[list[bytes], Bodies]:
    """The lines of the one HAR file in an archive, and the files beside it. Raises ValueError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > _LARGEST:
                raise ValueError(f"a ZIP archive of more than {_LARGEST >> 20} MiB: unpack it")
            files = {info.filename: archive.read(info) for info in archive.infolist()}
    except zipfile.BadZipFile as error:
        raise ValueError(f"a broken ZIP archive: {error}") from None
    hars = [name for name in files if name.endswith(".har")]
    if len(hars) != 1:
        raise ValueError(f"a ZIP archive with {len(hars)} .har files in it, not one: unpack it")
    return files.pop(hars[0]).splitlines(keepends=True), files


def _heard(entry: dict[str, Any], bodies: Bodies) -> http.Heard:
    request, response = record(entry["request"], "request"), record(entry.get("response"), "response")
    posted = record(request.get("postData"), "postData")
    content = record(response.get("content"), "content")
    kind = content.get("mimeType") or ""
    url = urlsplit(str(request["url"]))
    status = response.get("status")
    # Browsers write 0, and mitmproxy too, where no answer came.
    answered = isinstance(status, int) and status > 0
    headers = _headers(response)
    if kind and not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", str(kind).encode()))
    return http.Heard(
        ts=moment(entry["startedDateTime"]),
        method=str(request["method"]).upper(),
        target=(url.path or "/").encode("utf-8", "replace"),
        headers=_headers(request),
        body=_posted(posted, request, bodies),
        status=status if answered else None,
        answer_headers=headers,
        answer=_text(content, bodies) if answered else None,
        peer_ip=None,
        finished=not entry.get("_error") and not response.get("_error"),
    )


def _posted(posted: dict[str, Any], request: dict[str, Any], bodies: Bodies) -> bytes | None:
    text = _text(posted, bodies)
    # Size 0 is said of requests without a body; -1 means that the recorder does not know.
    return b"" if text is None and request.get("bodySize") == 0 else text


def _text(holder: dict[str, Any], bodies: Bodies) -> bytes | None:
    if "_file" in holder:
        return bodies.get(str(holder["_file"]))
    text = holder.get("text")
    if not isinstance(text, str):
        return None
    if holder.get("encoding") != "base64":
        return text.encode("utf-8", "replace") or None
    try:
        return base64.b64decode(text)
    except binascii.Error as error:
        raise ValueError(f"base64: {error}") from None


def _headers(message: dict[str, Any]) -> http.Headers:
    found = [
        (
            str(header["name"]).lower().encode("utf-8", "replace"),
            str(header["value"]).encode("latin-1", "replace"),
        )
        for header in message.get("headers") or []
    ]
    return [(name, value) for name, value in found if name not in _DECODED]

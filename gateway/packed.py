"""Files as they lie on disk: plain, gzip, zstd or zlib, read and written as one stream of bytes.

What the bytes mean is not known here. When reading, the first bytes tell how a file is packed, not its
name; when writing, the name is all there is. A file that is cut off is an error, never a shorter file.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import zstandard

from gateway.errors import ConfigError, Place

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BROKEN = (EOFError, OSError, zlib.error, zstandard.ZstdError)
"""What reading may raise: gone, cut off, or spoilt."""


def reason(error: Exception) -> str:
    """One of BROKEN in words."""
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """The unpacked bytes of a file. Opening and reading raise one of BROKEN."""
    with file.open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        if magic.startswith(_GZIP):
            with gzip.open(raw) as plain:
                yield plain  # type: ignore[misc]  # typeshed: GzipFile is an IO[bytes] in all but name
        elif magic == _ZSTD:
            with io.BufferedReader(_Zstd(raw), 1 << 17) as buffered:
                yield buffered
        elif _is_zlib(magic):
            # mitmproxy's `.zhar`. Whole at once: a HAR file is one JSON value anyway.
            yield io.BytesIO(zlib.decompress(raw.read()))
        else:
            yield raw


def _is_zlib(magic: bytes) -> bool:
    """RFC 1950: deflate with the usual window, and a check that 31 divides; no text begins so."""
    return magic[:1] == b"\x78" and len(magic) > 1 and (magic[0] << 8 | magic[1]) % 31 == 0


@contextmanager
def created(file: Path) -> Iterator[IO[bytes]]:
    """A new file to write to, packed as its name says (`.gz`, `.zst`). Raises ConfigError."""
    try:
        with file.open("wb") as raw:
            if file.suffix == ".gz":
                # Neither name nor time of day inside: equal input gives equal bytes.
                with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                    yield packed  # type: ignore[misc]  # as above
            elif file.suffix == ".zst":
                with zstandard.ZstdCompressor().stream_writer(raw) as frame:
                    yield frame
            else:
                yield raw
    except OSError as error:
        raise ConfigError.at(Place(str(file)), f"cannot be written: {error.strerror}") from None


class _Zstd(io.RawIOBase):
    """A zstd file of any number of frames; unlike the library's reader, a cut-off frame is an error."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun = False
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            data = self._raw.read(1 << 17)
            if not data:
                if self._begun:
                    raise EOFError("the last zstd frame is cut off")
                return 0
            self._ready = self._inflate(data)
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _inflate(self, data: bytes) -> bytes:
        out = []
        while data:
            self._begun = True
            out.append(self._frame.decompress(data))
            data = self._frame.unused_data
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
                self._begun = False
        return b"".join(out)

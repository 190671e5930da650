"""Recorded traffic: JSON Lines from files and directories, plain, gzip or zstd, merged by time.

Two passes, so that memory stays bounded whatever the size: `survey` checks every line, counts them and
notes which files are out of order; `merged` yields them by (time, file, line), sorting unordered files
in runs on disk. What the lines mean to a policy is not known here.
"""

from __future__ import annotations

import gzip
import heapq
import io
import math
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import msgspec
import zstandard

from gateway.errors import ConfigError, Place

RUN = 64 * 1024 * 1024
"""Bytes of lines sorted in memory at a time, shared by the files that are out of order."""
_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".ndjson.gz", ".ndjson.zst")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class Line(msgspec.Struct, frozen=True):
    """One recorded request. `request` and `response` are the bodies' bytes as they stand in the file."""

    ts: float
    principal: str
    request: msgspec.Raw
    kind: Literal["key", "header", "address"] = "key"
    """With `tier`, `tags` and `since`: what policies may ask of the principal."""
    org: str | None = None
    tier: str | None = None
    tags: tuple[str, ...] = ()
    since: float | None = None
    ip: str | None = None
    ua: str | None = None
    truth: str | None = None
    route: str = "/v1/chat/completions"
    usage: dict[str, Any] | None = None
    status: int = 200
    response: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def answer(self) -> bytes | None:
        """The recorded answer, if there is one."""
        found = bytes(self.response)
        return None if found == b"null" else found


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first reading found."""

    files: tuple[Path, ...]
    unordered: frozenset[Path]
    lines: int


_decode = msgspec.json.Decoder(Line).decode
Tick = Callable[[int], None]
"""Told the number of lines done since the last call."""


def discover(paths: list[Path]) -> list[Path]:
    """The traffic files that `paths` name; directories are searched. Raises ConfigError."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.name.endswith(_SUFFIXES))
            if not inside:
                raise ConfigError.at(Place(str(path)), f"no traffic files here ({', '.join(_SUFFIXES)})")
            found += inside
        elif path.is_file():
            found.append(path)
        elif path.exists():
            raise ConfigError.at(Place(str(path)), "not a file: traffic is read twice")
        else:
            raise ConfigError.at(Place(str(path)), "no such file or directory")
    return list(dict.fromkeys(found))


def survey(files: list[Path], tick: Tick = lambda done: None) -> Survey:
    """Check every line. Raises ConfigError naming the first bad line of each file."""
    problems: list[tuple[Place, str]] = []
    unordered: set[Path] = set()
    total = 0
    for file in files:
        last, count = -math.inf, 0
        try:
            for _, line in _lines(file):
                count += 1
                if line.ts < last:
                    unordered.add(file)
                last = max(last, line.ts)
                if count % 1000 == 0:
                    tick(1000)
        except ConfigError as error:
            problems += error.problems
        tick(count % 1000)
        total += count
    if problems:
        raise ConfigError(problems)
    return Survey(tuple(files), frozenset(unordered), total)


def merged(plan: Survey) -> Iterator[Line]:
    """All lines by time; equal times in the order of files and lines."""
    with ExitStack() as stack:
        run = RUN // max(1, len(plan.unordered))
        streams = [
            _sorted_runs(file, at, run, stack) if file in plan.unordered else _keyed(file, at)
            for at, file in enumerate(plan.files)
        ]
        for _, _, _, line in heapq.merge(*streams, key=lambda item: item[:3]):
            yield line


_Keyed = tuple[float, int, int, Line]


def _keyed(file: Path, at: int) -> Iterator[_Keyed]:
    for number, line in _lines(file):
        yield line.ts, at, number, line


def _sorted_runs(file: Path, at: int, run: int, stack: ExitStack) -> Iterator[_Keyed]:
    runs: list[Iterator[_Keyed]] = []
    pending: list[_Keyed] = []
    held = 0
    for item in _keyed(file, at):
        pending.append(item)
        held += len(bytes(item[3].request)) + len(bytes(item[3].response))
        if held > run:
            runs.append(_spill(pending, at, stack))
            pending, held = [], 0
    runs.append(iter(sorted(pending, key=lambda item: item[:3])))
    return heapq.merge(*runs, key=lambda item: item[:3])


def _spill(pending: list[_Keyed], at: int, stack: ExitStack) -> Iterator[_Keyed]:
    run = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  the stack closes it
    encode = msgspec.json.encode
    try:
        for ts, _, number, line in sorted(pending, key=lambda item: item[:3]):
            run.write(encode((ts, number, line)) + b"\n")
        run.seek(0)
    except OSError as error:
        with suppress(OSError):
            run.close()  # which tries to write once more
        reason = f"cannot sort unordered traffic here: {error.strerror}"
        raise ConfigError.at(Place(tempfile.gettempdir()), reason) from error
    decode = msgspec.json.Decoder(tuple[float, int, Line]).decode
    return ((ts, at, number, line) for ts, number, line in map(decode, run))


def numbered_lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers from 1. Raises ConfigError."""
    number = 0
    try:
        with _open(file) as raw:
            for number, text in enumerate(raw, 1):
                if text.strip():
                    yield number, text
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError.at(Place(str(file), number + 1, 1), f"cannot be read: {reason}") from error


def _lines(file: Path) -> Iterator[tuple[int, Line]]:
    for number, text in numbered_lines(file):
        try:
            line = _decode(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError.at(Place(str(file), number, 1), f"not a traffic line: {error}") from error
        yield number, line


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


@contextmanager
def _open(file: Path) -> Iterator[Iterator[bytes]]:
    """The lines of a file, whatever it is packed with; the first bytes tell, not the name."""
    with file.open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        if magic.startswith(_GZIP):
            with gzip.open(raw) as plain:
                yield iter(plain)
        elif magic == _ZSTD:
            with io.BufferedReader(_Zstd(raw), 1 << 17) as plain:
                yield iter(plain)
        else:
            yield iter(raw)

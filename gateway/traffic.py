"""Recorded traffic in any format that a reader knows, from files and directories, merged by time.

Two passes, so that memory stays bounded whatever the size: `survey` checks every item, counts the lines
and notes which files are out of order; `merged` yields them by (time, file, place), sorting unordered
files in runs on disk. What the lines mean to a policy is not known here.
"""

from __future__ import annotations

import heapq
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from gateway.errors import ConfigError, Place
from gateway.packed import BROKEN, opened, reason
from gateway.readers import READERS, detect
from gateway.readers.base import Form, Line, Reader, Settings
from gateway.readers.lines import Lines
from gateway.readers.settings import reader_settings
from gateway.readers.values import BrokenTextError

__all__ = ["Line", "Survey", "discover", "merged", "numbered_lines", "survey"]

RUN = 64 * 1024 * 1024
"""Bytes of lines sorted in memory at a time, shared by the files that are out of order."""
_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".har", ".flow", ".flows", ".mitm")
_SUFFIXES = (*(ending + packing for ending in _ENDINGS for packing in ("", ".gz", ".zst")), ".zhar")
"""Names by which files are found in a directory; a file that is named itself may be called anything."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first reading found."""

    files: tuple[Path, ...]
    unordered: frozenset[Path]
    lines: int
    readers: Mapping[Path, Reader] = field(default_factory=dict)
    silent: frozenset[Path] = frozenset()
    """Files in which no answer has its cost, so that their lines lack usage."""
    skipped: Mapping[Path, int] = field(default_factory=dict)
    """Items that were no calls to a model, by file."""
    forms: Mapping[Form, int] = field(default_factory=dict)
    """How many lines there are of each form."""
    definitions: frozenset[tuple[str, str | None]] = frozenset()
    """The recorded signals, with the fingerprint of how each was measured."""


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


def survey(
    files: list[Path],
    tick: Tick = lambda done: None,
    *,
    settings: Settings | None = None,
    form: str | None = None,
) -> Survey:
    """Check every item. Raises ConfigError naming the first bad one of each file.

    `settings` are for the readers (default: those of the gateway's own settings); `form` names the one
    format of all files (default: each by its content).
    """
    problems: list[tuple[Place, str]] = []
    settings = settings or reader_settings()
    surveys: dict[Path, _FileSurvey] = {}
    for file in files:
        try:
            reader = _reader(file, form)(settings)
            surveys[file] = _survey(file, reader, tick)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return Survey(
        tuple(files),
        frozenset(file for file, found in surveys.items() if found.unordered),
        sum(found.lines for found in surveys.values()),
        {file: found.reader for file, found in surveys.items()},
        frozenset(file for file, found in surveys.items() if found.silent),
        {file: found.skipped for file, found in surveys.items() if found.skipped},
        sum((found.forms for found in surveys.values()), Counter()),
        frozenset().union(*(found.definitions for found in surveys.values())),
    )


@dataclass(slots=True)
class _FileSurvey:
    """The same of one file."""

    reader: Reader
    lines: int = 0
    unordered: bool = False
    costs: bool = False
    skipped: int = 0
    by_form: Counter[Form] = field(default_factory=Counter)
    definitions: set[tuple[str, str | None]] = field(default_factory=set)
    last: float = -math.inf

    def add(self, line: Line) -> None:
        self.lines += 1
        self.unordered = self.unordered or line.ts < self.last
        self.last = max(self.last, line.ts)
        self.costs = self.costs or line.usage is not None or line.answer is not None
        self.by_form[line.form] += 1
        for name, value in (line.signals or {}).items():
            self.definitions.add((name, value.definition))

    @property
    def silent(self) -> bool:
        return self.lines > 0 and not self.costs

    @property
    def forms(self) -> Counter[Form]:
        if not self.silent:
            return self.by_form
        found: Counter[Form] = Counter()
        for (lacks, recorded), count in self.by_form.items():
            found[_without_usage(lacks), recorded] += count
        return found


def _survey(file: Path, reader: Reader, tick: Tick) -> _FileSurvey:
    found = _FileSurvey(reader)
    done = 0
    for done, lines in enumerate(_read(file, reader), 1):
        count = 0
        for count, line in enumerate(lines, 1):  # noqa: B007  whether there was any
            found.add(line)
        found.skipped += not count
        if done % 1000 == 0:
            tick(1000)
    tick(done % 1000)
    return found


def merged(plan: Survey) -> Iterator[Line]:
    """All lines by time; equal times in the order of files and lines."""
    with ExitStack() as stack:
        run = RUN // max(1, len(plan.unordered))
        streams = [
            _sorted_runs(keyed, at, run, stack) if file in plan.unordered else keyed
            for at, file in enumerate(plan.files)
            for keyed in [_keyed(file, at, plan)]
        ]
        for _, _, _, line in heapq.merge(*streams, key=lambda item: item[:3]):
            yield line


def _without_usage(lacks: tuple[str, ...]) -> tuple[str, ...]:
    return lacks if "usage" in lacks else (*lacks, "usage")


_Keyed = tuple[float, int, int, Line]


def _keyed(file: Path, at: int, plan: Survey) -> Iterator[_Keyed]:
    silent = file in plan.silent
    for number, lines in enumerate(_read(file, plan.readers[file])):
        for line in lines:
            if silent:
                line = msgspec.structs.replace(line, lacks=_without_usage(line.lacks))
            yield line.ts, at, number, line


def _sorted_runs(keyed: Iterator[_Keyed], at: int, run: int, stack: ExitStack) -> Iterator[_Keyed]:
    runs: list[Iterator[_Keyed]] = []
    pending: list[_Keyed] = []
    held = 0
    for item in keyed:
        pending.append(item)
        held += item[3].weight
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
        message = f"cannot sort unordered traffic here: {error.strerror}"
        raise ConfigError.at(Place(tempfile.gettempdir()), message) from error
    decode = msgspec.json.Decoder(tuple[float, int, Line]).decode
    return ((ts, at, number, line) for ts, number, line in map(decode, run))


def numbered_lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers from 1. Raises ConfigError."""
    number = 0
    try:
        with opened(file) as raw:
            for number, text in enumerate(raw, 1):
                if text.strip():
                    yield number, text
    except BROKEN as error:
        raise _unreadable(file, number + 1, error) from error


def _reader(file: Path, form: str | None) -> type[Reader]:
    if form is not None:
        return READERS[form]
    try:
        with opened(file) as raw:
            return detect(raw)
    except BROKEN:
        # Where it is broken, the reading of items tells.
        return Lines
    except ValueError as error:
        raise ConfigError.at(Place(str(file), 1, 1), str(error)) from None


def _read(file: Path, reader: Reader) -> Iterator[Iterator[Line]]:
    """The lines of each item; none for an item that is no call. Raises ConfigError."""
    number = 0
    try:
        with opened(file) as raw:
            for number, item in reader.items(raw):
                yield _lines(file, reader, number, item)
    except BROKEN as error:
        raise _unreadable(file, number + 1, error) from error
    except BrokenTextError as error:
        raise ConfigError.at(Place(str(file), error.line, 1), str(error)) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError.at(Place(str(file)), str(error)) from error


def _lines(file: Path, reader: Reader, number: int, item: Any) -> Iterator[Line]:
    try:
        yield from reader.lines(item)
    except (ValueError, RecursionError) as error:
        place = Place(str(file), number, 1)
        raise ConfigError.at(place, f"not a {reader.title}: {error}") from error


def _unreadable(file: Path, line: int, error: Exception) -> ConfigError:
    return ConfigError.at(Place(str(file), line, 1), f"cannot be read: {reason(error)}")

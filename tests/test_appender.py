"""Lines reach the file, or are counted; nothing that a disk does reaches the caller."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import appender
from gateway.appender import Appender
from gateway.errors import ConfigError

FOREVER = 3600.0
"""Longer than any test: only `reopen` and `close` wake the thread, so the order of things is known."""


class Disk:
    """Stands for `os.write`: takes `room` bytes in pieces of `piece`, then is full until told otherwise."""

    def __init__(self, room: int, piece: int = 1 << 30) -> None:
        self.room = room
        self.piece = piece
        self.content = b""

    def write(self, file: int, data: memoryview) -> int:
        """As os.write does: write what fits, and fail when nothing does."""
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part = bytes(data[: min(self.room, self.piece)])
        self.room -= len(part)
        self.content += part
        return len(part)


@pytest.fixture
def told() -> list[int]:
    return []


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No thread: `_drain` is called by the test."""
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
    monkeypatch.setattr(threading.Thread, "join", lambda thread, timeout: None)
    yield
    monkeypatch.undo()


def test_lines_are_appended_in_order_to_a_file_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "var" / "d.jsonl"
    for part in (b"1\n", b"2\n"):
        lines = Appender(path, interval=FOREVER)
        lines.append(part + b"a\n")
        lines.append(part + b"b\n")
        lines.close()
        lines.close()
        assert lines.dropped == 0
    assert path.read_bytes() == b"1\na\n1\nb\n2\na\n2\nb\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_lines_are_written_before_close_when_the_interval_ends(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    fifo = Path(f"/proc/self/fd/{writer}")
    lines = Appender(fifo, interval=0.01)
    lines.append(b"soon\n")
    assert os.read(reader, 100) == b"soon\n"
    lines.close()
    os.close(reader)
    os.close(writer)


def test_a_full_batch_is_written_before_the_interval_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(appender, "BATCH", 10)
    reader, writer = os.pipe()
    lines = Appender(Path(f"/proc/self/fd/{writer}"), interval=FOREVER)
    lines.append(b"0123456789\n")
    assert os.read(reader, 100) == b"0123456789\n"
    lines.close()
    os.close(reader)
    os.close(writer)


def test_after_rotation_the_old_file_keeps_what_came_before(tmp_path: Path) -> None:
    path, old = tmp_path / "d.jsonl", tmp_path / "d.jsonl.1"
    lines = Appender(path, interval=FOREVER)
    lines.append(b"before\n")
    path.rename(old)
    lines.reopen()
    lines.append(b"after\n")
    lines.close()
    assert (old.read_bytes(), path.read_bytes()) == (b"before\n", b"after\n")


def test_a_rotation_that_fails_keeps_the_old_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = tmp_path / "var"
    lines = Appender(directory / "d.jsonl", interval=FOREVER)
    directory.rename(tmp_path / "old")
    directory.write_text("not a directory")
    lines.reopen()
    lines.append(b"after\n")
    lines.close()
    assert (tmp_path / "old" / "d.jsonl").read_bytes() == b"after\n"
    assert "cannot be opened anew" in caplog.text


def test_a_dash_is_standard_output_and_stays_open(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        lines = Appender(Path("-"), interval=FOREVER)
        lines.append(b"line\n")
        lines.reopen()
        lines.close()
    assert capfd.readouterr().out == "line\nline\n"


def test_a_file_that_cannot_be_opened_is_an_error_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{tmp_path}: error: cannot be written: Is a directory"):
        Appender(tmp_path)


def test_lines_beyond_the_capacity_and_after_close_are_counted(
    tmp_path: Path, told: list[int], one_by_one: None
) -> None:
    path = tmp_path / "d.jsonl"
    lines = Appender(path, lost=told.append, capacity=10)
    for _ in range(3):
        lines.append(b"1234\n")
    assert (lines.dropped, told) == (1, [1])
    lines._drain()
    lines.append(b"5678\n")
    lines.close()
    lines.append(b"late\n")
    lines._drain()
    assert (lines.dropped, told) == (2, [1, 1])
    assert path.read_bytes() == b"1234\n1234\n5678\n"


def test_a_full_disk_loses_lines_and_says_so_once(
    tmp_path: Path,
    told: list[int],
    one_by_one: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = Disk(room=7)
    monkeypatch.setattr(os, "write", disk.write)
    lines = Appender(tmp_path / "d.jsonl", lost=told.append)
    with caplog.at_level(logging.WARNING):
        for batch in ((b"one\n", b"two\n", b"six\n"), (b"ten\n",)):
            for line in batch:
                lines.append(line)
            lines._drain()
        disk.room = 100
        lines.append(b"end\n")
        lines._drain()
    # "two" is torn; the newline after it keeps "end" readable.
    assert disk.content == b"one\ntwo\nend\n"
    assert (lines.dropped, told) == (3, [2, 1])
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "No space left on device" in caplog.text
    assert "3 lines were dropped" in caplog.text


@given(
    batches=st.lists(st.lists(st.integers(0, 9).map(lambda n: b"x" * n + b"\n"), max_size=4), max_size=6),
    rooms=st.lists(st.integers(0, 25), min_size=6, max_size=6),
    piece=st.integers(1, 7),
)
def test_no_line_is_lost_without_being_counted(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], rooms: list[int], piece: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", lambda thread: None)
        disk = Disk(0, piece)
        lines = Appender(tmp_path_factory.mktemp("x") / "d.jsonl")
        patch.setattr(os, "write", disk.write)
        numbered = [
            [b"%d:%s" % (at * 10 + index, line) for index, line in enumerate(batch)]
            for at, batch in enumerate(batches)
        ]
        for batch, room in zip(numbered, rooms, strict=False):
            disk.room = room
            for line in batch:
                lines.append(line)
            lines._drain()
    sent = [line for batch in numbered for line in batch]
    whole = [line for line in disk.content.splitlines(keepends=True) if line in sent]
    # A line that lacked nothing but its newline is counted, and made whole by the next one.
    assert len(sent) - len(whole) <= lines.dropped <= len(sent) - len(whole) + len(batches)
    assert whole == [line for line in sent if line in whole]


def test_the_device_that_is_always_full_stops_nothing(told: list[int]) -> None:
    lines = Appender(Path("/dev/full"), lost=told.append, interval=FOREVER)
    lines.append(b"line\n")
    lines.close()
    assert (lines.dropped, told) == (1, [1])

"""Lines to a file, from a thread of its own, so that no request ever waits for a disk.

Knows bytes and files, not what the lines say (`gateway.audit`). A full queue or a full disk loses lines,
counts them, and stops nothing: the traffic goes on, and the count is a metric.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from gateway.config import STDOUT
from gateway.errors import ConfigError, Place

_log = logging.getLogger("gateway.appender")

CAPACITY = 64 * 1024 * 1024
"""Bytes that may wait for a slow disk: about 60,000 decision records without prompts."""

BATCH = 256 * 1024
"""Bytes that wake the thread before its interval ends."""


class Appender:
    """Appends lines to a file that is created with mode 0600, and its directories; `-` is standard output.

    Use from one thread. Raises ConfigError if the file cannot be opened at first.
    """

    def __init__(
        self,
        path: Path,
        *,
        lost: Callable[[int], None] = lambda count: None,
        capacity: int = CAPACITY,
        interval: float = 1.0,
    ) -> None:
        """`lost` is told how many lines were dropped, from any thread; `interval` in seconds."""
        self._path = path
        self._tell = lost
        self._capacity = capacity
        self._interval = interval
        # A line, or None for "reopen here". Appending and popping are atomic, so no lock is needed:
        # each of the counts below is written by one thread only.
        self._queue: deque[bytes | None] = deque()
        self._taken = self._done = 0
        self._refused = self._failed = 0
        self._torn = self._failing = self._closing = False
        self._wake = threading.Event()
        try:
            self._file = _open(path)
        except OSError as error:
            raise ConfigError.at(Place(str(path)), f"cannot be written: {error.strerror}") from None
        self._thread = threading.Thread(target=self._run, name="appender", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines that did not reach the file."""
        return self._refused + self._failed

    def append(self, line: bytes) -> None:
        """Queue one line, newline included; counted as dropped where too much waits, or after `close`."""
        waiting = self._taken - self._done + len(line)
        if self._closing or waiting > self._capacity:
            self._refused += 1
            self._tell(1)
            return
        self._taken += len(line)
        self._queue.append(line)
        if waiting > BATCH:
            self._wake.set()

    def reopen(self) -> None:
        """After rotation: lines appended from now on go to a new file under the old name."""
        self._queue.append(None)
        self._wake.set()

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, for `timeout` seconds at most, and stop. May be called again."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout)

    # --- in the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(self._interval)
            self._wake.clear()
            self._drain()
        self._drain()
        _close(self._file)

    def _drain(self) -> None:
        lines: list[bytes] = []
        while self._queue:
            line = self._queue.popleft()
            if line is None:
                self._write(lines)
                lines = []
                self._reopen()
            else:
                lines.append(line)
        self._write(lines)

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        data = b"".join(lines)
        # A newline after a torn line, so that one line is unreadable and not two.
        whole = b"\n" + data if self._torn else data
        at = 0
        try:
            while at < len(whole):
                at += os.write(self._file, memoryview(whole)[at:])
            self._report(None)
        except OSError as error:
            count = min(len(lines), whole.count(b"\n", at))
            self._failed += count
            self._tell(count)
            self._report(error)
        self._torn = not whole.endswith(b"\n", 0, at) if at else self._torn
        self._done += len(data)

    def _reopen(self) -> None:
        try:
            file = _open(self._path)
        except OSError as error:
            _log.error("%s cannot be opened anew, going on with the old file: %s", self._path, error.strerror)
            return
        _close(self._file)
        self._file, self._torn = file, False

    def _report(self, error: OSError | None) -> None:
        """Say once that writing fails, and once that it works again."""
        if error is not None and not self._failing:
            _log.error("%s cannot be written, lines are dropped: %s", self._path, error.strerror)
        elif error is None and self._failing:
            _log.warning("%s can be written again; %d lines were dropped", self._path, self.dropped)
        self._failing = error is not None


def _open(path: Path) -> int:
    if path == STDOUT:
        return 1
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _close(file: int) -> None:
    if file != 1:
        os.close(file)

"""Where records go: lines to a file, from a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway.appender import Appender
from gateway.records import Content, Record, to_json


class Writer:
    """Where a process puts its records: `write` never blocks and never raises. Use from one thread.

    `path` None keeps none. Raises ConfigError if the file cannot be opened at first.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        content: Content = "features",
        dropped: Callable[[int], None] = lambda count: None,
    ) -> None:
        """`dropped` is told how many records were lost, from any thread."""
        self._content = content
        self._appender = None if path is None else Appender(path, lost=dropped)

    @property
    def dropped(self) -> int:
        """Records that did not reach the file."""
        return 0 if self._appender is None else self._appender.dropped

    def write(self, record: Record) -> None:
        """Queue one record, or count it as dropped where too much waits already."""
        if self._appender is not None:
            self._appender.append(to_json(record, self._content))

    def reopen(self) -> None:
        """After log rotation: records from now on go to a new file under the old name."""
        if self._appender is not None:
            self._appender.reopen()

    def close(self) -> None:
        """Write what waits and stop. May be called again."""
        if self._appender is not None:
            self._appender.close()

"""Records go to a file, and what cannot be written is counted."""

from __future__ import annotations

from pathlib import Path

from gateway.audit import Writer
from gateway.records import to_json
from tests.test_records import RECORD


def test_a_writer_appends_lines_with_the_content_it_was_told(tmp_path: Path) -> None:
    path = tmp_path / "var" / "d.jsonl"
    writer = Writer(path, content="plain")
    writer.write(RECORD)
    path.rename(tmp_path / "old")
    writer.reopen()
    writer.write(RECORD)
    writer.close()
    assert path.read_bytes() == (tmp_path / "old").read_bytes() == to_json(RECORD, "plain")
    assert writer.dropped == 0


def test_a_writer_without_a_file_keeps_nothing() -> None:
    writer = Writer(None)
    writer.write(RECORD)
    writer.reopen()
    writer.close()
    assert writer.dropped == 0


def test_a_writer_tells_of_dropped_records() -> None:
    told: list[int] = []
    writer = Writer(Path("/dev/full"), dropped=told.append)
    writer.write(RECORD)
    writer.close()
    assert (writer.dropped, told) == (1, [1])

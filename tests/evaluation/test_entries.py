"""Decisions from files and from records that were never written."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest
import zstandard

from gateway.errors import ConfigError
from gateway.evaluation.entries import Entry, entries, entry_of
from gateway.records import to_json
from tests.adapters.test_replay import COUNTED, line, lines, played
from tests.evaluation.support import entry
from tests.support import bundle, policy


def _write(path: Path, *found: Entry) -> Path:
    path.write_bytes(b"\n".join(map(msgspec.json.encode, found)) + b"\n\n")
    return path


def test_a_record_is_the_same_entry_whether_written_or_not(tmp_path: Path) -> None:
    usage = {"input_tokens": 3, "output_tokens": 4}
    traffic = lines(line(1, org="x", tier="paid", usage=usage), *(line(at) for at in range(2, 8)))
    _, records = played(bundle(policy(COUNTED)), traffic)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(to_json(record, "plain") for record in records))
    found = list(entries([path]))
    assert found == [entry_of(record) for record in records]
    assert (found[0].org, found[0].tier, found[0].ts) == ("x", "paid", 1)
    assert found[0].usage is not None
    assert found[0].usage.output_tokens == 4
    assert found[-1].shadow.rung == "perturb"
    assert found[-1].signals[0].id == "probe.many"


def test_files_are_merged_by_time_whatever_they_are_packed_with(tmp_path: Path) -> None:
    one = _write(tmp_path / "one.jsonl", entry(ts=1), entry(ts=4))
    two, three = tmp_path / "two.gz", tmp_path / "three.zst"
    two.write_bytes(gzip.compress(msgspec.json.encode(entry(ts=2))))
    three.write_bytes(zstandard.compress(msgspec.json.encode(entry(ts=3))))
    assert [found.ts for found in entries([one, two, three])] == [1, 2, 3, 4]


def test_the_reader_tells_how_far_it_is(tmp_path: Path) -> None:
    path = _write(tmp_path / "log.jsonl", *(entry(ts=at) for at in range(1203)))
    done: list[int] = []
    assert len(list(entries([path], done.append))) == 1203
    assert done == [1000, 203]
    assert list(entries([])) == []


@pytest.mark.parametrize("bad", [b'{"ts": 1}', b"not json", b"[]", b'{"ts": "x"}', b"[" * 100_000])
def test_a_line_that_is_no_record_is_named(bad: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(msgspec.json.encode(entry()) + b"\n" + bad + b"\n")
    with pytest.raises(ConfigError, match=r"log\.jsonl:2:1: error: not a decision record"):
        list(entries([path]))


def test_recorded_traffic_is_sent_to_replay(tmp_path: Path) -> None:
    path = tmp_path / "traffic.jsonl"
    path.write_text('{"ts": 1, "principal": "a", "request": {}}')
    with pytest.raises(ConfigError, match=r"recorded traffic is for gateway replay"):
        list(entries([path]))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        list(entries([tmp_path / "none.jsonl"]))

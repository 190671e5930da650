"""Recorded traffic: every form of file, any order, bounded memory, and one clear line for a bad one."""

from __future__ import annotations

import gzip
import json
import os
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gateway import traffic
from gateway.errors import ConfigError
from gateway.traffic import discover, merged, survey


def _line(ts: float, who: str = "a", **more: Any) -> str:
    return json.dumps({"ts": ts, "principal": who, "request": {"messages": []}} | more)


def _read(*paths: Path) -> list[tuple[float, str]]:
    return [(line.ts, line.principal) for line in merged(survey(discover(list(paths))))]


def test_plain_gzip_and_zstd_files_are_merged_by_time(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join([_line(1, "a"), "", _line(4, "a")]) + "\n")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(_line(2, "b").encode()))
    two_frames = [zstandard.compress(_line(at, "c").encode() + b"\n") for at in (3, 5)]
    (tmp_path / "c.jsonl.zst").write_bytes(b"".join(two_frames))
    assert _read(tmp_path) == [(1, "a"), (2, "b"), (3, "c"), (4, "a"), (5, "c")]


def test_a_file_may_be_named_twice_and_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(_line(1))
    assert discover([file, tmp_path, file]) == [file]


def test_files_without_a_known_ending_are_read_when_named(tmp_path: Path) -> None:
    file = tmp_path / "traffic.log"
    file.write_text(_line(1))
    assert _read(file) == [(1, "a")]


@pytest.mark.parametrize("run", [1, 20_000, 10**9])
def test_a_file_out_of_order_is_sorted_in_runs(
    tmp_path: Path, run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "RUN", run)
    times = list(range(200))
    random.Random(1).shuffle(times)
    (tmp_path / "mixed.jsonl").write_text("\n".join(_line(at) for at in times))
    (tmp_path / "sorted.jsonl").write_text("\n".join(_line(at + 0.5, "b") for at in range(200)))
    plan = survey(discover([tmp_path]))
    assert (plan.unordered, plan.lines) == (frozenset({tmp_path / "mixed.jsonl"}), 400)
    read = _read(tmp_path)
    assert read == sorted(read)
    assert len(read) == 400


def test_equal_times_keep_the_order_of_files_and_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(_line(1, who) for who in "xy"))
    (tmp_path / "b.jsonl").write_text(_line(1, "z"))
    assert _read(tmp_path) == [(1, "x"), (1, "y"), (1, "z")]


def test_the_bodies_stay_bytes(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"ts": 1, "principal": "a", "request": {"n":  1, "n": 2}, "response": {"id": 7}}')
    with file.open("a") as more:
        more.write('\n{"ts": 2, "principal": "a", "request": {}, "response": null}')
    line, other = merged(survey([file]))
    assert bytes(line.request) == b'{"n":  1, "n": 2}'
    assert (line.answer, other.answer) == (b'{"id": 7}', None)


def test_progress_is_told_every_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(_line(at) for at in range(2500)))
    done: list[int] = []
    survey(discover([tmp_path]), done.append)
    assert done == [1000, 1000, 500]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"ts": 1, "principal": "a"', "2:1: error: not a traffic line: "),
        (b'{"principal": "a", "request": {}}', "missing required field `ts`"),
        (b'{"ts": "x", "principal": "a", "request": {}}', "at `$.ts`"),
        (b'{"ts": 1, "principal": 5, "request": {}}', "at `$.principal`"),
        (b"[1]", "Expected `object`"),
        (b'{"ts": 1e999, "principal": "a", "request": {}}', "not a traffic line"),
        (b"\xff\xfe", "not a traffic line"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_bytes(_line(0).encode() + b"\n" + content)
    with pytest.raises(ConfigError) as caught:
        survey([file])
    assert str(caught.value).startswith(f"{file}:2:1: error: not a traffic line")
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["cut.jsonl.gz", "cut.jsonl.zst"])
def test_a_truncated_archive_is_an_error_not_less_traffic(tmp_path: Path, name: str) -> None:
    text = "\n".join(_line(at, str(random.Random(at).random())) for at in range(3000)).encode()
    packed = gzip.compress(text) if name.endswith("gz") else zstandard.compress(text)
    file = tmp_path / name
    file.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ConfigError, match=r"cannot be read: .*(cut off|ended before)"):
        survey([file])


def test_a_spoilt_archive_is_an_error_too(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress("\n".join(_line(at) for at in range(3000)).encode()))
    packed[40:80] = b"\xff" * 40
    (tmp_path / "spoilt.jsonl.gz").write_bytes(packed)
    with pytest.raises(ConfigError, match="cannot be read"):
        survey(discover([tmp_path]))


def test_a_line_nested_too_deeply_is_a_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "deep.jsonl"
    file.write_text('{"ts": 1, "principal": "a", "request": ' + '{"a":' * 100_000 + "1" + "}" * 100_001)
    with pytest.raises(ConfigError, match=r"deep\.jsonl:1:1: error: not a traffic line"):
        survey([file])


def test_what_can_be_read_only_once_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="not a file: traffic is read twice"):
        discover([pipe])


def test_no_room_to_sort_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "RUN", 1)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: Path("/dev/full").open("r+b"))  # noqa: SIM115
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(_line(at) for at in (2, 1)))
    with pytest.raises(ConfigError, match="cannot sort unordered traffic here: No space left"):
        _read(file)


def test_missing_files_and_empty_directories_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        discover([tmp_path / "nowhere"])
    with pytest.raises(ConfigError, match="no traffic files here"):
        discover([tmp_path])

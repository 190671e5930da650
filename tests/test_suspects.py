"""The texts of a suspect in whatever form they come, and who is asked about."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError
from gateway.suspects import names_in, names_of_records, suspect_texts


def written(home: Path, *rows: Any, name: str = "suspect.jsonl") -> Path:
    path = home / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def told(*files: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        list(suspect_texts(files, None))
    return str(raised.value)


def test_the_field_of_answers_is_found_out(tmp_path: Path) -> None:
    rows = [{"prompt": "q", "text": "no", "output": f"answer {number}"} for number in range(2)]
    path = written(tmp_path, *rows)
    assert list(suspect_texts([path], None)) == ["answer 0", "answer 1"]
    assert list(suspect_texts([path, path], ["prompt", "text"])) == ["q\nno"] * 4


def test_of_conversations_the_answers_count(tmp_path: Path) -> None:
    said = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": [{"type": "text", "text": "p"}]},
        {"role": "assistant", "content": "b"},
    ]
    path = written(tmp_path, {"messages": said}, {"messages": said[:3]})
    assert list(suspect_texts([path], None)) == ["a", "b", "a"]
    path = written(tmp_path, {"messages": said}, {"messages": 5})
    assert told(path).startswith(f"{path}:2:1: error: no conversation: ")


def test_plain_text_csv_and_packed_files_are_read(tmp_path: Path) -> None:
    plain = written(tmp_path, "one line", "another", name="a.txt")
    assert list(suspect_texts([plain], None)) == ["one line", "another"]
    table = written(tmp_path, "response,x", "said,1", name="a.csv")
    assert list(suspect_texts([table], None)) == ["said"]
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(b'{"completion": "c"}\n'))
    assert list(suspect_texts([packed], None)) == ["c"]


def test_what_holds_no_texts_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, {"b": 1, "a": 2})
    assert told(path) == f"{path}:1:1: error: say which --field holds the texts: a, b"
    assert told(written(tmp_path, {})).endswith("holds the texts: nothing")
    missing = tmp_path / "none.jsonl"
    assert told(missing) == f"{missing}: error: cannot be read: No such file or directory"


def record(principal: str, applied: list[str], org: str | None = None) -> dict[str, Any]:
    stand = {"score": 1.0, "rung": None}
    found = {"ts": 1.0, "id": "i", "principal": principal, "org": org, "applied": applied}
    return {**found, "enforced": stand, "shadow": stand}


def test_who_was_given_marked_answers_is_in_the_records(tmp_path: Path) -> None:
    rows = [
        record("key_1", ["log", "watermark"]),
        record("key_2", ["log"]),
        record("key_3", ["watermark"], "acme"),
        record("key_1", ["watermark"]),
        record("key_4", ["perturb"], "acme"),
    ]
    path = written(tmp_path, *rows)
    assert names_of_records([path], ["watermark"]) == ["key_1", "key_3", "org:acme"]
    assert names_of_records([path], ["watermark", "perturb"])[-1] == "key_4"
    assert names_of_records([path], []) == []
    with pytest.raises(ConfigError, match="no such file"):
        names_of_records([path, tmp_path / "none"], ["watermark"])


def test_names_stand_one_on_a_line(tmp_path: Path) -> None:
    assert names_in(written(tmp_path, "key_1", "", "  org:acme ")) == ["key_1", "org:acme"]
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        names_in(tmp_path / "none")
    (tmp_path / "bad").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot be read: not UTF-8"):
        names_in(tmp_path / "bad")

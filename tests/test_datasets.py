"""Getting at the texts of a data set, whatever it is kept in, and saying where one is wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from gateway.datasets import texts
from gateway.errors import ConfigError

ROWS = [{"ask": "first", "with": ""}, {"ask": "second", "with": "more"}, {"ask": "", "with": ""}]
FOUND = ["first", "second\nmore"]


def lay(path: Path, name: str, content: str) -> Path:
    file = path / name
    file.write_text(content, "utf-8")
    return file


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", "\n".join(map(json.dumps, ROWS)) + "\n\n"),
        ("a.json", json.dumps(ROWS, indent=1)),
        ("a.csv", 'ask,with,other\nfirst,,x\nsecond,more,"y, z"\n,,\n'),
        ("a.tsv", "ask\twith\nfirst\t\nsecond\tmore\n"),
    ],
)
def test_fields_are_joined_whatever_the_form(tmp_path: Path, name: str, content: str) -> None:
    assert list(texts([lay(tmp_path, name, content)], ["ask", "with"])) == FOUND


def test_plain_text_has_an_item_to_a_line(tmp_path: Path) -> None:
    file = lay(tmp_path, "a.txt", "One thing, and another.\n\n  The next\n")
    assert list(texts([file, file], ["prompt"])) == ["One thing, and another.", "The next"] * 2


def test_packed_files_are_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    file.write_bytes(gzip.compress(b"ask,with\nfirst,\n"))
    assert list(texts([file], ["ask"])) == ["first"]


def test_nothing_is_no_text(tmp_path: Path) -> None:
    assert list(texts([lay(tmp_path, "a.txt", "")], ["prompt"])) == []
    assert list(texts([lay(tmp_path, "a.jsonl", '{"ask": null}\n')], ["ask"])) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.jsonl",
            '{"ask": "x"}\n{"aks": "x"}\n',
            ":2:1: error: no field 'ask' (did you mean 'aks'?): there is 'aks'",
        ),
        ("a.jsonl", '{"ask": ["x"]}\n', ":1:1: error: field 'ask' is list, not text"),
        ("a.jsonl", '{"ask": "x"}\n{"ask": \n', ":2:1: error: not a JSON object: "),
        ("a.json", '[{"ask": "x"}, 3]', ":1:1: error: not a JSON list of objects: "),
        ("a.csv", "question,other\nx,y\n", ":1:1: error: no field 'ask': there is 'other', 'question'"),
        ("a.csv", "", ":1:1: error: no field 'ask': there is nothing"),
        ("a.csv", "ask,other\nx,y\nz\n", ":3:1: error: 1 cells where the first line names 2 columns"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, name: str, content: str, message: str) -> None:
    file = lay(tmp_path, name, content)
    with pytest.raises(ConfigError) as caught:
        list(texts([file], ["ask"]))
    assert str(caught.value).startswith(f"{file}{message}")


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "a.txt"
    broken.write_bytes(b"fine\n\xff\xfe\n")
    for file, words in ((broken, "not UTF-8"), (tmp_path / "none", "cannot be read: No such file")):
        with pytest.raises(ConfigError, match=words):
            list(texts([file], ["ask"]))

"""Each format is known by its content, whatever the file is called."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.record import FORMATS
from gateway.readers import READERS, detect
from gateway.readers.access import NAMES
from gateway.records import to_json
from tests.readers.support import DATA
from tests.readers.test_access import ENVOY, NGINX
from tests.readers.test_records import RECORD


def _name(data: bytes) -> str:
    return detect(io.BytesIO(data)).name


def _lines(*values: Any) -> bytes:
    return b"\n".join(json.dumps(value).encode() for value in values)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (_lines({"ts": 1, "principal": "a", "request": {}}), "traffic"),
        (_lines({"ts": 1, "principal": "a", "features": {}}), "traffic"),
        (to_json(RECORD, "none"), "records"),
        (to_json(RECORD, "features"), "records"),
        (b'{\n  "log": {"version"', "har"),
        (b'\xef\xbb\xbf{"log":{"entries":[]}}', "har"),
        (b"3124:9:websocket;0:~8:response;", "flows"),
        (_lines(ENVOY), "access"),
        (_lines(NGINX), "access"),
        (b"", "traffic"),
        (b'{"ts": 1, "principle": "a"}', "traffic"),
        (b'{"ts": 1,', "traffic"),
        (b"PK\x03\x04", "har"),
        (b'"request_id","call_type","startTime"\r\n', "litellm"),
        (_lines({"context": {}, "start_time": "x", "attributes": {}}), "otel"),
    ],
)
def test_a_format_is_known_by_its_first_bytes(data: bytes, name: str) -> None:
    assert _name(data) == name


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'192.0.2.7 - - [23/Nov/2026:15:44:06 +0000] "POST /v1/messages HTTP/1.1" 200 9', "as text"),
        (b'[2026-11-23T15:48:53.785Z] "POST /v1/messages HTTP/1.1" 200 - 144 506', "as text"),
        (b"INFO 11-23 15:44:06 [logger.py:43] Received request chatcmpl-1: prompt: 'hi', params: S", "vLLM"),
        (_lines({"resourceLogs": []}), "export the traces"),
        (_lines({"hello": "world"}), "its first keys: 'hello'"),
        (_lines([7]), "no known format"),
        (b"PAR1\x15\x04", "no known format"),
    ],
)
def test_what_no_reader_knows_is_told_as_what_it_seems_to_be(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        detect(io.BytesIO(data))


@pytest.mark.parametrize("file", sorted(DATA.iterdir()), ids=lambda file: file.name)
def test_what_the_tools_wrote_is_known(file: Any) -> None:
    assert _name(file.read_bytes()) == file.name.partition("-")[0]


def test_arrays_and_spread_values_are_known_too() -> None:
    row = json.loads((DATA / "litellm-spend.jsonl").read_text().splitlines()[0])
    for indent in (None, 2):
        assert _name(json.dumps([row, row], indent=indent).encode()) == "litellm"


def test_a_first_line_may_be_long() -> None:
    line = _lines({"prompt": "x" * (3 << 20), "startTime": 1, "call_type": "completion"}, {})
    assert _name(line) == "litellm"


ROOT = Path(__file__).parents[2]


def _cells(page: str) -> list[list[str]]:
    rows = [row.strip("|").split(" | ") for row in page.splitlines() if row.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows]


def test_the_page_of_inputs_says_what_the_readers_say() -> None:
    """Each source with what it gives and lacks, and the usual keys of access logs."""
    rows = _cells((ROOT / "docs" / "inputs.md").read_text("utf-8"))
    told = {row[1].strip("`"): row[2:] for row in rows if len(row) == 8}
    for name, reader in READERS.items():
        gives = reader.gives
        assert told[name] == [
            gives.prompt,
            gives.parameters,
            gives.usage,
            gives.identity,
            gives.timing,
            gives.note,
        ]
    keys = {row[0].strip("`"): row[1] for row in rows if len(row) == 2}
    for name, usual in NAMES.items():
        assert keys[name] == ", ".join(f"`{key}`" for key in usual)


def test_the_verb_offers_every_format() -> None:
    assert sorted(FORMATS) == sorted(READERS)

"""HAR files of several recorders' habits; those of a real mitmproxy are in test_mitmproxy."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import pytest

from gateway.readers.base import Line
from tests.readers.support import read, settings

BODY = '{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
ANSWER = '{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}'


def har_entry(**changes: Any) -> dict[str, Any]:
    """One exchange with a model API, under the key `sk-secret`."""
    request = {
        "method": "POST",
        "url": "https://api.example.com/v1/chat/completions?key=sk-q#x",
        "headers": [
            {"name": ":authority", "value": "api.example.com"},
            {"name": "Authorization", "value": "Bearer sk-secret"},
            {"name": "Content-Encoding", "value": "gzip"},
        ],
        "postData": {"mimeType": "application/json", "text": BODY},
        "bodySize": len(BODY),
    }
    response = {
        "status": 200,
        "headers": [{"name": "content-encoding", "value": "br"}],
        "content": {"mimeType": "application/json", "text": ANSWER},
    }
    entry: dict[str, Any] = {
        "startedDateTime": "2026-11-23T14:08:23.500Z",
        "request": request | changes.pop("request", {}),
        "response": response | changes.pop("response", {}),
    }
    return entry | changes


def _file(*entries: object) -> bytes:
    return json.dumps({"log": {"version": "1.2", "entries": entries}}, indent=2).encode()


def _line(**changes: Any) -> Line:
    (line,) = read("har", _file(har_entry(**changes)))
    return line


def test_an_entry_becomes_a_line_under_the_hash_of_its_key() -> None:
    line = _line()
    live, _ = settings().identifier().principal([(b"authorization", b"Bearer sk-secret")], None, None)
    assert (line.ts, line.principal, line.route) == (1795442903.5, live.id, "/v1/chat/completions")
    assert bytes(line.request).decode() == BODY
    assert line.usage is not None
    assert (line.usage["input_tokens"], line.usage["output_tokens"]) == (3, 4)
    assert line.lacks == ("client.ip",)


def test_a_byte_order_mark_does_not_matter() -> None:
    assert len(read("har", b"\xef\xbb\xbf" + _file(har_entry()))) == 1


def test_base64_bodies_are_decoded() -> None:
    coded = {"encoding": "base64", "text": base64.b64encode(ANSWER.encode()).decode()}
    line = _line(response={"content": {"mimeType": "application/json"} | coded})
    assert line.usage is not None
    assert line.usage["output_tokens"] == 4


def test_the_type_of_the_content_counts_where_headers_do_not_say_it() -> None:
    events = f"data: {ANSWER}\n\ndata: [DONE]\n\n"
    line = _line(response={"headers": [], "content": {"mimeType": "text/event-stream", "text": events}})
    assert line.usage is not None
    assert line.usage["output_tokens"] == 4
    named = [{"name": "Content-Type", "value": "text/event-stream"}]
    assert (
        _line(response={"headers": named, "content": {"mimeType": "x", "text": events}}).usage == line.usage
    )


def test_an_entry_without_an_answer_has_no_status() -> None:
    line = _line(response={"status": 0, "content": {}, "_error": "net::ERR_FAILED"})
    assert (line.status, line.usage, line.lacks) == (None, None, ("client.ip",))
    gone = har_entry()
    del gone["response"]
    assert read("har", _file(gone))[0].status is None


def test_a_body_that_the_recorder_left_out_is_lacking_and_an_empty_one_is_not() -> None:
    assert "prompt" in _line(request={"postData": None}).lacks
    assert _line(request={"postData": None, "bodySize": 0}).lacks == ("client.ip",)


def _archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_", "."), data)
    return out.getvalue()


def _attached() -> bytes:
    """As Playwright writes it with `content: "attach"`."""
    posted = {"mimeType": "application/json", "text": "", "_file": "a.json"}
    content = {"mimeType": "application/json", "_file": "b.json"}
    return _file(har_entry(request={"postData": posted}, response={"content": content}))


def test_bodies_may_lie_beside_the_file_in_an_archive() -> None:
    data = _archive(har_har=_attached(), a_json=BODY.encode(), b_json=ANSWER.encode())
    (line,) = read("har", data)
    assert bytes(line.request).decode() == BODY
    assert line.usage is not None
    assert line.usage["output_tokens"] == 4
    assert line.lacks == ("client.ip",)


def test_bodies_that_lie_elsewhere_are_lacking() -> None:
    for data in (_attached(), _archive(har_har=_attached())):
        (line,) = read("har", data)
        assert {"prompt", "parameters", "usage"} <= set(line.lacks)


def test_an_archive_that_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _archive(har_har=_attached())
    with pytest.raises(ValueError, match="broken ZIP archive"):
        read("har", whole[:100])
    for files in ({}, {"a_har": b"", "b_har": b""}):
        with pytest.raises(ValueError, match=rf"a ZIP archive with {len(files)} \.har files"):
            read("har", _archive(x_txt=b"", **files))
    monkeypatch.setattr("gateway.readers.har._LARGEST", 10)
    with pytest.raises(ValueError, match="a ZIP archive of more than"):
        read("har", whole)


def test_without_a_key_the_file_is_one_client() -> None:
    both = read("har", _file(har_entry(request={"headers": []}), har_entry(request={"headers": None})))
    assert {(line.kind, line.principal) for line in both} == {("address", both[0].principal)}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (7, r"log\.entries\[1\]: the entry is no object"),
        ({"startedDateTime": "x"}, r"log\.entries\[1\]: missing 'request'"),
        (har_entry(startedDateTime="soon"), r"log\.entries\[1\]: not a time"),
        (har_entry(request={"headers": [7]}), r"log\.entries\[1\]: "),
        (har_entry(request={"postData": {"text": "a", "encoding": "base64"}}), r"log\.entries\[1\]: base64"),
    ],
)
def test_a_bad_entry_is_named_by_its_place(entry: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read("har", _file(har_entry(), entry))


@pytest.mark.parametrize("document", [{}, {"log": 7}, {"log": {"entries": {}}}])
def test_a_file_without_entries_is_no_har(document: object) -> None:
    with pytest.raises(ValueError, match=r"log\.entries is missing"):
        read("har", json.dumps(document).encode())

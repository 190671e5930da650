"""JSON values in whatever form tools export them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.readers.values import BrokenTextError, first_value, values

_OBJECTS = st.lists(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3), max_size=5
)


def _read(data: bytes) -> list[tuple[int, Any]]:
    return list(values(io.BytesIO(data)))


@given(_OBJECTS)
def test_lines_an_array_and_spread_values_are_the_same(objects: list[dict[str, Any]]) -> None:
    lines = "\n".join(map(json.dumps, objects)).encode()
    array = json.dumps(objects).encode()
    laid_out = json.dumps(objects, indent=2).encode()
    one_by_one = "\n".join(json.dumps(value, indent=2) for value in objects).encode()
    for form in (lines, array, laid_out, one_by_one, b"\xef\xbb\xbf" + laid_out):
        assert [value for _, value in _read(form)] == objects


def test_each_value_tells_the_line_on_which_it_begins() -> None:
    assert [number for number, _ in _read(b'\n{"a": 1}\n\n{"b": 2}\n')] == [2, 4]
    assert [number for number, _ in _read(b'\n{"a":\n 1}\n\n{"b":\n2}\n')] == [2, 5]
    assert [number for number, _ in _read(b'[{"a": 1}]\n[{"b": 2}, {"c": 3}]\n')] == [1, 2, 2]


@pytest.mark.parametrize(
    ("data", "line"),
    [(b'{"a": 1}\n{"b": \n', 2), (b'{"a": 1}\n\nno\n', 3), (b'{"a":\n1}\n{"b": no}', 3), (b"no", 1)],
)
def test_what_is_no_json_is_named_by_its_line(data: bytes, line: int) -> None:
    with pytest.raises(BrokenTextError) as caught:
        _read(data)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (b'{"a": "say \\x22hi\\x22"}', "escape=json"),
        (b'{"a": 1}\n{"a": "{\\\\"b\\\\": 1}"}', "format csv, header"),
        (b'{"a": \\x}', None),
    ],
)
def test_what_tools_are_known_to_get_wrong_comes_with_advice(data: bytes, advice: str | None) -> None:
    with pytest.raises(BrokenTextError) as caught:
        _read(data)
    assert ("(" in str(caught.value)) == (advice is not None)
    assert (advice or "not JSON") in str(caught.value)


@pytest.mark.parametrize(
    ("head", "value"),
    [
        (b'{"a": 1}\n{"b"', {"a": 1}),
        (b'\xef\xbb\xbf [\n {\n"a": 1\n},\n{"b', {"a": 1}),
        (b'{"a": [1, 2', None),
        (b"", None),
    ],
)
def test_the_first_value_of_a_file_is_seen_in_its_first_bytes(head: bytes, value: object) -> None:
    assert first_value(head) == value

"""Tables as text: separators, quoted cells, and what is wrong with a row."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.readers.tables import columns, rows
from gateway.readers.values import BrokenTextError

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def _rows(data: bytes) -> list[tuple[int, dict[str, str]]]:
    file = io.BytesIO(data)
    return list(rows(file.readline(), file))


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5), st.sampled_from(",;\t"))
def test_rows_come_back_as_they_were_written(table: list[tuple[str, str]], separator: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *table])
    expected = [{name: cell for name, cell in zip("ab", row, strict=True) if cell} for row in table]
    assert [row for _, row in _rows(out.getvalue().encode())] == expected


def test_each_row_tells_the_line_on_which_it_begins() -> None:
    assert _rows(b'a,b\n1,"x\ny"\n\n2,z\n') == [(2, {"a": "1", "b": "x\ny"}), (5, {"a": "2", "b": "z"})]


def test_a_cell_may_hold_a_long_conversation() -> None:
    assert len(_rows(b"a,b\n1," + b"x" * 200_000)[0][1]["b"]) == 200_000


def test_long_cells_are_a_matter_of_this_reader_alone() -> None:
    usual = csv.field_size_limit()
    assert list(rows(b"a,b\n", [b"1,2\n"]))
    assert csv.field_size_limit() == usual


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (b'\xef\xbb\xbf"a";b\r\n', {"a", "b"}),
        (b"a\tb", {"a", "b"}),
        (b"a", set()),
        (b"", set()),
    ],
)
def test_the_first_line_names_the_columns(line: bytes, names: set[str]) -> None:
    assert columns(line)[1] == names


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"a,b\n1,2\n3\n", 3, "1 cells where the first line names 2 columns"),
        (b'a,b\n1,2\n3,"x', 3, "not CSV: unexpected end of data"),
        (b'a,b\n1,"x"y\n', 2, "not CSV"),
    ],
)
def test_a_bad_row_is_named_by_its_line(data: bytes, line: int, message: str) -> None:
    with pytest.raises(BrokenTextError, match=message) as caught:
        _rows(data)
    assert caught.value.line == line

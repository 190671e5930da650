"""Files are unpacked by their first bytes and packed by their name, and a cut file is never a short one."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.packed import BROKEN, created, opened, reason

TEXT = b"a line\n" * 1000


@given(st.binary(max_size=300))
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_what_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes) -> None:
    file = tmp_path_factory.mktemp("packed") / name
    data = b"{" + data  # as every line of traffic begins: bare bytes may look packed
    with created(file) as out:
        out.write(data)
    with opened(file) as found:
        assert found.read() == data


def test_the_content_tells_how_a_file_is_packed_and_not_its_name(tmp_path: Path) -> None:
    file = tmp_path / "anything"
    for packed in (TEXT, gzip.compress(TEXT), zstandard.compress(TEXT), zlib.compress(TEXT, 9)):
        file.write_bytes(packed)
        with opened(file) as found:
            assert found.read() == TEXT


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, zlib.compress])
def test_a_cut_file_is_broken(tmp_path: Path, pack: object) -> None:
    file = tmp_path / "cut"
    file.write_bytes(pack(TEXT)[:-9])  # type: ignore[operator]
    with pytest.raises(BROKEN) as caught, opened(file) as found:
        found.read()
    assert reason(caught.value)


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_equal_input_is_packed_to_equal_bytes(tmp_path: Path, name: str) -> None:
    written = set()
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        with created(tmp_path / folder / name) as out:
            out.write(TEXT)
        written.add((tmp_path / folder / name).read_bytes())
    assert len(written) == 1


@pytest.mark.parametrize(
    ("path", "why"),
    [("/dev/full", "No space left on device"), ("no/such/place", "No such file or directory")],
)
def test_a_file_that_cannot_be_written_is_a_clear_error(path: str, why: str) -> None:
    with (
        pytest.raises(ConfigError, match=f"{path}: error: cannot be written: {why}"),
        created(Path(path)) as out,
    ):
        out.write(TEXT)


def test_the_system_says_why_a_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BROKEN) as caught, opened(tmp_path / "nowhere"):
        pass
    assert reason(caught.value) == "No such file or directory"

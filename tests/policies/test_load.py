"""Reading a policy directory: any layout, no surprises, every failure a ConfigError."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.policies.load import MAX_FILE, load_bundle
from tests.policies.samples import LADDER, PATTERNS, POLICY, compiled

HASH = compiled(POLICY, PATTERNS, LADDER).hash


def lay(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return directory


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_bundle(path)
    return str(caught.value).split("\n")


def test_layout_and_names_of_files_do_not_matter(tmp_path: Path) -> None:
    apart = lay(
        tmp_path / "a", {"x/y/p.yml": POLICY, "z.yaml": PATTERNS, "x/l.yaml": LADDER, "README.md": "# no"}
    )
    together = lay(tmp_path / "b", {"all.yaml": "---\n".join((LADDER, POLICY, PATTERNS))})
    assert (
        load_bundle(apart).hash
        == load_bundle(together).hash
        == load_bundle(together / "all.yaml").hash
        == HASH
    )
    assert load_bundle(apart).summary.startswith("3 files: ")


def test_tests_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "all.yaml": "---\n".join((LADDER, POLICY, PATTERNS)),
            "tests/broken.yaml": "][",
            "sub/tests/broken.yaml": "][",
            ".hidden.yaml": "][",
            ".git/broken.yaml": "][",
        },
    )
    assert load_bundle(tmp_path).hash == HASH


def test_a_mounted_config_map_is_read_once_through_its_links(tmp_path: Path) -> None:
    lay(tmp_path / "..2026_11_23", {"all.yaml": "---\n".join((LADDER, PATTERNS)), "sub/policy.yaml": POLICY})
    (tmp_path / "..data").symlink_to("..2026_11_23")
    (tmp_path / "all.yaml").symlink_to("..data/all.yaml")
    (tmp_path / "sub").symlink_to("..data/sub")
    assert load_bundle(tmp_path).hash == HASH


def test_a_link_that_leads_back_up_is_not_followed_for_ever(tmp_path: Path) -> None:
    lay(tmp_path, {"sub/all.yaml": "---\n".join((LADDER, POLICY, PATTERNS))})
    (tmp_path / "sub" / "again").symlink_to(tmp_path)
    assert load_bundle(tmp_path).hash == HASH


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert problems(tmp_path / "none") == [f"{tmp_path}/none: error: no such file or directory"]


def test_an_empty_directory_has_no_ladder(tmp_path: Path) -> None:
    assert problems(tmp_path) == [f"{tmp_path}: error: no ladder: write one document of kind 'ladder'"]


def test_problems_of_all_files_come_in_one_error(tmp_path: Path) -> None:
    lay(tmp_path, {"a.yaml": "a: 1\na: 2", "b.yaml": POLICY.replace("cap: 45", "cap: 0"), "c.yaml": PATTERNS})
    (tmp_path / "d.yaml").write_bytes(b"\xff")
    assert [line.removeprefix(str(tmp_path)) for line in problems(tmp_path)] == [
        "/a.yaml:2:1: error: duplicate key 'a' (first at line 1)",
        "/b.yaml:12:6: error: cap: must be greater than 0",
        "/d.yaml:1:1: error: not UTF-8",
    ]


def test_a_file_too_large_to_be_a_policy_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"#" * (MAX_FILE + 1))
    assert problems(tmp_path) == [f"{tmp_path}/a.yaml: error: larger than 1 MiB"]


def test_what_is_no_file_is_an_error_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").symlink_to("nowhere")
    assert problems(tmp_path) == [f"{tmp_path}/{name}.yaml: error: not a file" for name in "ab"]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that even root cannot read")
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    lay(tmp_path, {"a.yaml": LADDER})
    # The first page of a process is never mapped: reading there fails, for root as well.
    (tmp_path / "b.yaml").symlink_to("/proc/self/mem")
    assert problems(tmp_path) == [f"{tmp_path}/b.yaml: error: cannot be read: Input/output error"]


def test_a_directory_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(self: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", str(self))

    lay(tmp_path, {"a.yaml": LADDER})
    monkeypatch.setattr(Path, "iterdir", closed)
    assert problems(tmp_path) == [f"{tmp_path}: error: cannot be read: Permission denied"]

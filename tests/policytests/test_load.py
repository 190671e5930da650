"""Where tests are looked for, and which policies they are about."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.policytests.load import home, load_suites
from tests.policytests.test_schema import CASE, HEAD

POLICY = "kind: patterns\nid: p\ntitle: P\nitems: {a: {regex: x}}\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_tests_are_found_in_folders_and_beside_policies(tmp_path: Path) -> None:
    write(tmp_path / "policies" / "tests" / "deep" / "a.yaml", HEAD + CASE)
    write(tmp_path / "policies" / "b.yml", f"{POLICY}---\n{HEAD}{CASE}")
    write(tmp_path / "policies" / ".hidden" / "c.yaml", "nothing: good")
    write(tmp_path / "policies" / "notes.txt", "nothing good")
    (tmp_path / "policies" / "folder.yaml").mkdir()
    suites = load_suites([tmp_path / "policies", tmp_path / "policies" / "b.yml"])
    assert [Path(suite.document.place(()).file).name for suite in suites] == ["b.yml", "a.yaml"]


def test_another_kind_in_a_tests_folder_is_a_mistake(tmp_path: Path) -> None:
    file = write(tmp_path / "tests" / "a.yaml", f"---\n---\n{POLICY}")
    with pytest.raises(
        ConfigError, match=r"a.yaml:3:7: error: kind: only documents of kind 'tests' are read"
    ):
        load_suites([file])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or directory"):
        load_suites([tmp_path / "nothing"])


def test_a_broken_file_does_not_hide_the_mistakes_of_another(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", "kind: [")
    write(tmp_path / "b.yaml", "kind: tests\n")
    with pytest.raises(ConfigError) as caught:
        load_suites([tmp_path])
    assert {Path(place.file).name for place, _ in caught.value.problems} == {"a.yaml", "b.yaml"}


def test_the_policies_stand_where_the_tests_folder_stands(tmp_path: Path) -> None:
    file = write(tmp_path / "policies" / "tests" / "deep" / "a.yaml", "")
    beside = write(tmp_path / "policies" / "b.yaml", "")
    assert home([file, file.parent, tmp_path / "policies", beside]) == tmp_path / "policies"


def test_tests_of_two_homes_need_to_be_told_their_policies(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one" / "a.yaml", ""), write(tmp_path / "other" / "a.yaml", "")
    with pytest.raises(ConfigError, match="name the policies with --policies"):
        home([one, other])

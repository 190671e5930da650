"""A policy directory: told apart when anything in it changes, and read as it stands at one moment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.errors import ConfigError, Place
from gateway.policies.bundle import Bundle
from gateway.policies.load import load_bundle
from gateway.source import TRIES, Source
from tests.reloads import RULES, rules, swap, write


def test_a_directory_that_nobody_touches_looks_the_same(tmp_path: Path) -> None:
    source = write(tmp_path)
    assert source.signature() == source.signature()


def test_every_kind_of_change_shows(tmp_path: Path) -> None:
    source = write(tmp_path)
    file = tmp_path / RULES
    seen = [source.signature()]

    def changed() -> bool:
        seen.append(source.signature())
        return seen[-1] not in seen[:-1]

    text = file.read_text()
    times = file.stat().st_mtime_ns
    file.write_text(text.replace("points: 1", "points: 2"))
    os.utime(file, ns=(times, times))  # same size, same modification time
    assert changed()
    (tmp_path / "more.yaml").write_text("")
    assert changed()
    (tmp_path / "more.yaml").rename(tmp_path / "other.yaml")
    assert changed()
    (tmp_path / "other.yaml").unlink()
    (tmp_path / "other.yaml").symlink_to("nowhere")
    assert changed()
    (tmp_path / "other.yaml").unlink()
    file.unlink()
    assert changed()
    tmp_path.rmdir()
    assert changed()


def test_what_is_no_policy_file_does_not_show(tmp_path: Path) -> None:
    source = write(tmp_path)
    before = source.signature()
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / ".rules.yaml.swp").write_text("")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "some.yaml").write_text("kind: tests")
    assert source.signature() == before


def test_the_swap_of_a_config_map_shows_at_once(tmp_path: Path) -> None:
    source = Source(tmp_path / "mounted")
    swap(tmp_path / "mounted", "first", rules(points=1))
    before = source.signature()
    first = source.read()
    swap(tmp_path / "mounted", "second", rules(points=2))
    assert source.signature() != before
    second = source.read()
    assert first.bundle is not None
    assert second.bundle is not None
    assert first.bundle.hash != second.bundle.hash
    assert second.files == {RULES: rules(points=2).encode()}


def test_a_candidate_that_is_missing_hides_no_change(tmp_path: Path) -> None:
    write(tmp_path / "policies")
    source = Source(tmp_path / "policies", candidate=tmp_path / "next")
    seen = [source.signature()]
    write(tmp_path / "policies", rules(points=2))
    seen.append(source.signature())
    write(tmp_path / "next", rules(points=3))
    seen.append(source.signature())
    assert len(set(seen)) == 3
    found = source.read()
    assert found.bundle is not None
    assert found.candidate is not None
    assert found.files == {RULES: rules(points=2).encode()}


def test_a_reading_holds_the_bundle_and_the_files_that_made_it(tmp_path: Path) -> None:
    source = write(tmp_path)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "empty.yml").write_text("# nothing\n")
    found = source.read()
    assert found.problems == ()
    assert found.signature == source.signature()
    assert found.files == {RULES: rules().encode(), "more/empty.yml": b"# nothing\n"}
    alone = Source(tmp_path / RULES).read()
    assert alone.bundle is not None
    assert found.bundle is not None
    assert alone.bundle.hash == found.bundle.hash
    assert alone.files == {RULES: rules().encode()}


def test_a_broken_directory_gives_its_problems(tmp_path: Path) -> None:
    source = write(tmp_path, "kind: polcy\n")
    found = source.read()
    assert found.bundle is None
    place, message = found.problems[0]
    assert (place.file, place.line) == (str(tmp_path / RULES), 1)
    assert "policy" in message
    missing = Source(tmp_path / "nowhere").read()
    assert missing.problems == ((Place(str(tmp_path / "nowhere")), "no such file or directory"),)


def test_files_that_change_while_they_are_read_are_read_anew(tmp_path: Path) -> None:
    write(tmp_path)
    loads = []

    def load(path: Path) -> Bundle:
        bundle = load_bundle(path)
        loads.append(bundle.hash)
        if len(loads) < 3:
            (tmp_path / RULES).write_text(rules(points=len(loads) + 1))
        return bundle

    found = Source(tmp_path, load).read()
    assert len(loads) == 3
    assert found.bundle is not None
    assert found.bundle.hash == loads[-1]
    assert found.files == {RULES: rules(points=3).encode()}


def test_files_that_never_come_to_rest_are_not_taken(tmp_path: Path) -> None:
    write(tmp_path)
    loads = []

    def load(path: Path) -> Bundle:
        loads.append(path)
        (tmp_path / RULES).write_text(rules(points=len(loads) + 1))
        return load_bundle(path)

    found = Source(tmp_path, load).read()
    assert len(loads) == TRIES
    assert found.bundle is None
    assert [message for _, message in found.problems] == [
        "the files change while they are read; nothing was taken"
    ]


@pytest.mark.parametrize("error", [ConfigError.at(Place("x"), "wrong"), OSError(5, "Input/output error")])
def test_an_error_of_a_moment_is_forgotten_when_the_files_have_changed(
    tmp_path: Path, error: Exception
) -> None:
    write(tmp_path)
    loads = []

    def load(path: Path) -> Bundle:
        loads.append(path)
        if len(loads) == 1:
            (tmp_path / RULES).write_text(rules(points=2))
            raise error
        return load_bundle(path)

    assert Source(tmp_path, load).read().problems == ()


def test_a_disk_that_fails_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    write(tmp_path)

    def load(path: Path) -> Bundle:
        raise OSError(5, "Input/output error")

    assert Source(tmp_path, load).read().problems == (
        (Place(str(tmp_path)), "cannot be read: Input/output error"),
    )

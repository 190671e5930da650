"""Bundles on disk: whole or not at all, the latest by name, and not too many."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.keeper import KEPT, Keeper

ONE, TWO = "1" * 12, "2" * 12


def visible(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_the_latest_is_the_one_published_last(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "made" / "bundles")
    keeper.keep(ONE, {"a.yaml": b"one", "deep/er/b.yaml": b"more"})
    assert (keeper.latest() / "deep" / "er" / "b.yaml").read_bytes() == b"more"
    keeper.keep(TWO, {"a.yaml": b"two"})
    assert (keeper.latest() / "a.yaml").read_bytes() == b"two"
    keeper.keep(ONE, {})  # a rollback: the files are there already
    assert Keeper(tmp_path / "made" / "bundles").latest().name == ONE
    assert (keeper.latest() / "a.yaml").read_bytes() == b"one"
    assert visible(tmp_path / "made" / "bundles") == {ONE, TWO, "latest"}


def test_only_the_newest_stay(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    names = [f"{number:012x}" for number in range(KEPT + 3)]
    for age, name in enumerate(reversed(names)):
        keeper.keep(name, {"a.yaml": b""})
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    keeper.keep(names[0], {})
    assert visible(tmp_path) == {*names[:KEPT], "latest"}


def test_without_a_bundle_there_is_no_latest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="latest: error: no last known good bundle is kept here"):
        Keeper(tmp_path / "nowhere").latest()


@pytest.mark.parametrize("name", ["", "../../etc", TWO, "latest", "0123456789AB"])
def test_a_name_that_leads_nowhere_is_refused(tmp_path: Path, name: str) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(ONE, {"a.yaml": b""})
    (tmp_path / "latest").write_text(name)
    with pytest.raises(ConfigError, match="names no bundle that is kept here"):
        keeper.latest()
    (tmp_path / "latest").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="no last known good bundle"):
        keeper.latest()


def test_another_process_may_keep_the_same_bundle_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Keeper(tmp_path)
    rename = Path.rename

    def late(path: Path, target: Path) -> Path:
        if target.name == ONE:
            target.mkdir()
            (target / "a.yaml").write_bytes(b"theirs")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    keeper.keep(ONE, {"a.yaml": b"ours"})
    assert (keeper.latest() / "a.yaml").read_bytes() == b"theirs"
    assert visible(tmp_path) == {ONE, "latest"}


def test_a_disk_that_takes_nothing_is_told_to_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space left"):
        Keeper(tmp_path).keep(ONE, {"a.yaml": b""})
    assert visible(tmp_path) == set()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        Keeper(tmp_path / "file" / "bundles").keep(ONE, {})

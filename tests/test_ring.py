"""The key ring's file: made once, rotated, and quiet about what is in it."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.ring import kept_ring, read_ring, rotate


def told(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        read_ring(path)
    return str(raised.value).removeprefix(f"{path}: error: ")


def test_a_ring_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "marks.json"
    first = kept_ring(path)
    assert [(epoch.id, epoch.begins) for epoch in first.epochs] == [("1", 0.0)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept_ring(path).epochs == read_ring(path).epochs == first.epochs
    assert kept_ring(tmp_path / "other.json").epochs != first.epochs
    assert sorted(entry.name for entry in tmp_path.rglob("*.json")) == ["marks.json", "other.json"]


def test_of_several_that_make_it_at_once_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "marks.json"
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: kept_ring(path).epochs, range(16)))
    assert rings == [rings[0]] * 16
    assert [entry.name for entry in tmp_path.iterdir()] == ["marks.json"]


def test_rotation_adds_an_epoch_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "marks.json"
    before = kept_ring(path)
    after = rotate(path, 1000.0)
    assert after.epochs[:1] == before.epochs
    assert [(epoch.id, epoch.begins) for epoch in after.epochs] == [("1", 0.0), ("2", 1000.0)]
    assert read_ring(path).epochs == after.epochs
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="epoch 2 begins as late or later"):
        rotate(path, 1000.0)


def test_what_is_wrong_is_told_without_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "marks.json"
    kept_ring(path)
    good = json.loads(path.read_text())
    secret = good["epochs"][0]["secret"]
    changes = {
        "no epochs": ({"epochs": []}, "a key ring has at least one epoch"),
        "twice": ({"epochs": good["epochs"] * 2}, "two epochs of one id"),
        "short": ({"epochs": [{**good["epochs"][0], "secret": secret[:62]}]}, "epoch 1 has not 32 bytes"),
        "not hexadecimal": ({"epochs": [{**good["epochs"][0], "secret": "x" + secret[1:]}]}, "hexadecimal"),
        "wrong type": ({"epochs": [{**good["epochs"][0], "secret": [secret]}]}, "Expected `str`"),
        "unknown": ({**good, "secret": secret}, "unknown field `secret`"),
    }
    for broken, expected in changes.values():
        path.write_text(json.dumps(broken))
        message = told(path)
        assert message.startswith("not a key ring: ")
        assert expected in message
        assert secret[1:60] not in message


def test_a_file_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    assert told(tmp_path / "none.json") == "cannot be read: No such file or directory"
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConfigError, match="cannot be written: "):
        kept_ring(blocked / "marks.json")

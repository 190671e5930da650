"""One number in a policy file, changed in place or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.commands.edits import set_value
from gateway.errors import ConfigError
from tests.support import LADDER, policy

SIGNAL = "signals: {s: {request: {request.n: 1}, points: 9}}"
LADDER_PATH = ("ladder", "default")


def _file(home: Path) -> Path:
    path = home / "all.yaml"
    path.write_text("# ünïcode above\n" + policy(SIGNAL) + LADDER.replace("{at: 20,", "{at:   20  ,"))
    return path


@pytest.mark.parametrize(
    ("rung", "value", "old", "new"),
    [
        ("throttle", "45", "{at: 50, clear: 40", "{at: 45, clear: 40"),
        ("watch", "22.5", "{at:   20  ,", "{at:   22.5  ,"),
    ],
)
def test_only_the_number_changes(rung: str, value: str, old: str, new: str, tmp_path: Path) -> None:
    path = _file(tmp_path)
    before = path.read_text()
    place = set_value(tmp_path, LADDER_PATH, ("rungs", rung, "at"), value)
    assert path.read_text() == before.replace(old, new)
    assert place.file == str(path)


def test_what_would_not_load_is_not_written(tmp_path: Path) -> None:
    path = _file(tmp_path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="must not be above"):
        set_value(tmp_path, LADDER_PATH, ("rungs", "throttle", "at"), "36")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("document", "path"),
    [(LADDER_PATH, ("rungs", "none", "at")), (("ladder", "other"), ("rungs", "watch", "at"))],
)
def test_a_place_that_is_not_there_is_told(
    document: tuple[str, str], path: tuple[str, ...], tmp_path: Path
) -> None:
    _file(tmp_path)
    with pytest.raises(ConfigError, match="no rungs"):
        set_value(tmp_path, document, path, "1")

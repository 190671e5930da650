"""Single values in policy files, changed in place, all of them or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.commands.edits import Edit, apply_edits
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
    (place,) = apply_edits(tmp_path, [Edit(LADDER_PATH, ("rungs", rung, "at"), value)])
    assert path.read_text() == before.replace(old, new)
    assert place.file == str(path)


def test_what_would_not_load_is_not_written(tmp_path: Path) -> None:
    path = _file(tmp_path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="must not be above"):
        apply_edits(
            tmp_path,
            [
                Edit(("policy", "probe"), ("cap",), "50"),
                Edit(LADDER_PATH, ("rungs", "throttle", "at"), "36"),
            ],
        )
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
        apply_edits(tmp_path, [Edit(document, path, "1")])


BLOCK = """\
  kind: policy
  id: one  # ünique
  title: One
  # what is counted
  signals: {s: {request: {request.n: 1}, points: 9}}
"""
FLOW = "{kind: policy, id: two, title: Two, signals: {s: {request: {request.n: 1}, points: 9}}}\n"


def test_a_key_that_is_not_there_is_written_before_another(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(BLOCK + "---\n" + FLOW + LADDER)
    edits = [
        Edit(("policy", name), (key,), value, before="signals")
        for name in ("one", "two")
        for key, value in (("mode", "enforce"), ("cap", "7"))
    ]
    places = apply_edits(tmp_path, edits[::-1])[::-1]
    wanted = (BLOCK + "---\n" + FLOW + LADDER).replace("  signals:", "  cap: 7\n  mode: enforce\n  signals:")
    wanted = wanted.replace("Two, signals", "Two, cap: 7, mode: enforce, signals")
    assert path.read_text() == wanted
    assert [place.line for place in places] == [6, 5, 9, 9]
    with pytest.raises(ConfigError, match=r"all.yaml:1:3: error: no owner in policy 'one'"):
        apply_edits(tmp_path, [Edit(("policy", "one"), ("owner",), "me", before="rungs")])


def test_one_end_of_a_ramp_and_text_in_quotes_can_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    signals = """
    signals:
      s:
        count: {of: requests, over: 1h}
        ramp: [10, 20]  # from, to
        points: 5
    """
    path.write_text(policy(signals) + LADDER)
    before = path.read_text()
    document = ("policy", "probe")
    edits = [
        Edit(document, ("signals", "s", "ramp", 1), "30"),
        Edit(document, ("calibrated",), '"by hand, 1"', before="signals"),
    ]
    apply_edits(tmp_path, edits)
    after = before.replace("[10, 20]  #", "[10, 30]  #").replace(
        "signals:", 'calibrated: "by hand, 1"\nsignals:'
    )
    assert path.read_text() == after
    for said in ("'a, b'", '"c # d"'):
        apply_edits(tmp_path, [Edit(document, ("calibrated",), said)])
        assert f"calibrated: {said}\nsignals:" in path.read_text()
    with pytest.raises(ConfigError, match=r"no signals\.s\.ramp\.2 in policy 'probe'"):
        apply_edits(tmp_path, [Edit(document, ("signals", "s", "ramp", 2), "30")])

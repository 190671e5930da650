"""The benchmark of `drift`: what is told of a small week, in which an attack is like nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.detection.strange import main
from tests.signals.test_drift import FORMS, strange


def test_it_tells_who_is_met_at_each_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for at in range(100):
        for who in range(24):
            body = {"messages": [{"role": "user", "content": FORMS[who % 4](at)}], "n": 1 + who % 3}
            rows.append({"ts": at, "principal": f"key-{who}", "truth": "benign:program", "request": body})
        body = {"messages": [{"role": "user", "content": strange(at)}]}
        rows.append({"ts": at, "principal": "other", "truth": "attack:strange", "request": body})
    (tmp_path / "week.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main([str(tmp_path), "--other", str(tmp_path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "reference of 24 customers, 1,200 requests"
    assert "customers p <= 5%: honest 0/24; 100% (strange 1/1)" in said
    assert "customers, honest classes at 3%: {'program': '0/24'}" in said
    assert str(tmp_path) in said

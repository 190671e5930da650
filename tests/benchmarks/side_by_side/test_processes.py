"""Processes of the suite, with real ones."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.side_by_side.processes import (
    Command,
    TargetError,
    cores,
    cpu_seconds,
    free_port,
    proportional_bytes,
    running,
    tree,
    until_ready,
)
from benchmarks.side_by_side.rounds import answers
from benchmarks.side_by_side.targets import Launch
from tests.processes import wait_for

ROOT = Path(__file__).parents[3]
CORE = min(os.sched_getaffinity(0))


def python(name: str, *words: str) -> Command:
    return Command((sys.executable, *words), {"PYTHONPATH": str(ROOT)}, name)


def test_both_ends_have_a_core_and_the_proxy_has_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5, 0, 2})
    assert cores() == (0, 5)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    with pytest.raises(TargetError, match="two cores"):
        cores()


def test_a_tree_is_read_and_ended_whole(tmp_path: Path) -> None:
    script = "import subprocess; subprocess.run(['sleep', '600'])"
    with running(python("tree", "-c", script), CORE, tmp_path) as process:
        until_ready(lambda: len(tree(process.pid)) == 2, process, tmp_path / "tree.log")
        pids = tree(process.pid)
        assert os.sched_getaffinity(pids[1]) == {CORE}
        assert sum(map(cpu_seconds, pids)) > 0
        assert proportional_bytes(pids) > proportional_bytes(pids[1:]) > 0
    # The kernel ends the rest of a group in its own time.
    wait_for(lambda: proportional_bytes(pids) == 0 or None, "the end of the whole tree")
    assert cpu_seconds(pids[0]) == 0.0


def test_a_process_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = python("early", "-c", "raise SystemExit('no port')")
    with (
        running(command, CORE, tmp_path) as process,
        pytest.raises(TargetError, match="ended with status 1: no port"),
    ):
        until_ready(lambda: False, process, tmp_path / "early.log")


def test_the_model_server_answers(tmp_path: Path) -> None:
    port = free_port()
    assert not answers(port, Launch())
    command = python("upstream", "-m", "benchmarks.side_by_side.upstream", str(port))
    with running(command, CORE, tmp_path) as process:
        until_ready(lambda: answers(port, Launch()), process, tmp_path / "upstream.log")


def test_the_bare_client_passes_answers_through(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    url = f"http://127.0.0.1:{ports[0]}"
    model = python("upstream", "-m", "benchmarks.side_by_side.upstream", str(ports[0]))
    proxy = python("bare", "-m", "benchmarks.side_by_side.bare", str(ports[1]), url)
    with running(model, CORE, tmp_path), running(proxy, CORE, tmp_path) as process:
        until_ready(lambda: answers(ports[1], Launch()), process, tmp_path / "bare.log")

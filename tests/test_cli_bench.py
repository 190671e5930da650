"""`gateway bench` prints what it measured, whatever that was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main
from tests.policytests.support import COUNTING, ECHO, PHRASES, WORDY
from tests.readers.test_har import har_entry
from tests.support import LADDER, chat


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "all.yaml").write_text("\n".join([COUNTING, ECHO, PHRASES, WORDY, LADDER]))
    return tmp_path


def test_every_phase_signal_and_pattern_has_a_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--policies", str(home / "all.yaml"), "-n", "20", "--quiet"]) == 0
    head, *rest = capsys.readouterr().out.splitlines()
    assert "20 requests" in head
    names = [line.split()[0] for line in rest if line]
    assert names[:8] == ["phase", "parse", "ask", "store", "decide", "admit", "study", "settle"]
    assert {"counting.many", "wordy.said", "@phrases", "phrases.two"} <= set(names)


def test_a_trace_is_measured_up_to_n(home: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    trace = home / "trace.jsonl"
    text = "".join(
        json.dumps({"ts": at, "principal": "p", "request": chat(str(at))}) + "\n" for at in range(9)
    )
    trace.write_text(text + json.dumps({"ts": 1, "principal": "p", "route": "/x", "request": {}}))
    words = ["--policies", str(home / "all.yaml"), "--trace", str(trace), "-o", "json"]
    assert main(["bench", *words, "-n", "5"]) == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert (document["requests"], document["skipped"]) == (4, 1)
    assert document["phases"][0]["name"] == "parse"


def test_nothing_to_measure_is_no_failure(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "trace.jsonl").write_text(json.dumps({"ts": 1, "principal": "p", "route": "/x", "request": {}}))
    (home / "plain").mkdir()
    (home / "plain" / "all.yaml").write_text(COUNTING + LADDER)
    words = ["--policies", str(home / "plain"), "--trace", str(home / "trace.jsonl")]
    assert main(["bench", *words]) == 0
    assert "0 requests, 1 lines could not be read · 0.0 µs each" in capsys.readouterr().out


def test_a_trace_with_keys_needs_the_secret_that_is_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "session.har").write_text(json.dumps({"log": {"entries": [har_entry()]}}))
    (home / "secret.txt").write_text("a secret for these tests")
    words = ["bench", "--policies", str(home / "all.yaml"), "--trace", str(home / "session.har")]
    assert main([*words, "--secret-file", str(home / "secret.txt")]) == 0
    assert "1 requests" in capsys.readouterr().out
    assert main([*words, "--secret-file", str(home / "none.txt")]) == 2
    assert "identity.secret_file: cannot be read" in capsys.readouterr().err

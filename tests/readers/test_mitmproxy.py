"""Flow dumps and HAR files made by a real mitmdump in front of the demo upstream."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.demo.service import create_app
from gateway.testing import serve

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv-mitmproxy" / "bin"
"""Its own environment: docs/decisions/0003."""
_PORT = re.compile(r"listening at \S*?:(\d+)\.")
KEYS = ("sk-alice", "sk-bob")


@dataclass(frozen=True)
class Recording:
    """What one mitmdump saved."""

    folder: Path

    def converted(self, python: Path | str, *names: str) -> list[dict[str, Any]]:
        """The lines that `gateway record` makes of these files."""
        ended = self.run(python, "record", *names, "--secret-file", "secret.txt")
        assert ended.returncode == 0, ended.stderr
        return [json.loads(line) for line in ended.stdout.splitlines()]

    def run(self, python: Path | str, *words: str) -> subprocess.CompletedProcess[str]:
        """A verb of the gateway, in the folder of the files."""
        return subprocess.run(
            [python, "-m", "gateway.cli", *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def _talk(port: int) -> None:
    """Two clients: chats, a stream, a list of models, and something that is no call at all."""
    for key in KEYS:
        headers = {"authorization": f"Bearer {key}", "user-agent": "sdk/1"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            body = {"model": "demo", "messages": [{"role": "user", "content": f"hello from {key[3:]}"}]}
            client.post("/v1/chat/completions", json=body | {"max_tokens": 9}).raise_for_status()
            usage = {"stream": True, "stream_options": {"include_usage": True}}
            client.post("/v1/chat/completions", json=body | usage).raise_for_status()
            client.get("/v1/models").raise_for_status()
            client.get("/nowhere")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("mitm")
    (folder / "secret.txt").write_text("a secret for these tests")
    with serve(create_app(0.0)) as upstream:
        words = ["--mode", f"reverse:{upstream}", "--listen-host", "127.0.0.1", "--listen-port", "0"]
        saved = ["-w", "dump.mitm", "--set", "hardump=dump.har", "--set", f"confdir={folder / 'conf'}"]
        process = subprocess.Popen(
            [BIN / "mitmdump", *words, *saved], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        try:
            found = next(filter(None, map(_PORT.search, process.stdout)))
            _talk(int(found[1]))
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    return Recording(folder)


def _asked(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(line["principal"], line.get("method", "POST"), line["route"], line["request"]) for line in lines]


def test_a_dump_becomes_lines_of_the_calls_to_the_model(recording: Recording) -> None:
    lines = recording.converted(BIN / "python", "dump.mitm")
    assert [line["route"] for line in lines] == [
        "/v1/chat/completions",
        "/v1/chat/completions",
        "/v1/models",
    ] * 2
    assert lines[0]["request"]["messages"] == [{"role": "user", "content": "hello from alice"}]
    assert len({line["principal"] for line in lines}) == 2
    assert (lines[0]["ip"], lines[0]["ua"]) == ("127.0.0.1", "sdk/1")
    assert all(line["usage"]["output_tokens"] > 0 for line in lines if line["route"] != "/v1/models")
    assert [line["ts"] for line in lines] == sorted(line["ts"] for line in lines)


def test_no_key_survives_the_conversion(recording: Recording) -> None:
    written = json.dumps(recording.converted(BIN / "python", "dump.mitm", "dump.har"))
    assert not [key for key in KEYS if key in written]


def test_the_har_file_of_the_same_session_says_the_same(recording: Recording) -> None:
    flows = recording.converted(BIN / "python", "dump.mitm")
    har = recording.converted(sys.executable, "dump.har")
    assert _asked(har) == _asked(flows)
    assert [line["usage"] for line in har] == [line["usage"] for line in flows]
    assert [line["ts"] for line in har] == pytest.approx([line["ts"] for line in flows], abs=1e-5)


def test_replay_reads_a_dump_directly_and_as_its_conversion(recording: Recording) -> None:
    policies = ("--policies", str(ROOT / "policies"), "-o", "json", "--secret-file", "secret.txt")
    python = BIN / "python"
    (recording.folder / "lines.jsonl").write_text(
        "\n".join(map(json.dumps, recording.converted(python, "dump.mitm")))
    )
    reports = []
    for name in ("dump.mitm", "lines.jsonl"):
        ended = recording.run(python, "replay", name, *policies)
        assert ended.returncode == 0, ended.stderr
        reports.append(json.loads(ended.stdout) | {"seconds": 0})
    assert reports[0] == reports[1]
    assert reports[0]["requests"] == 6
    # A conversion keeps what answers cost and not what they say.
    assert reports[0]["signals"]["blind"] == ["provenance.sent-back"]


def test_without_the_extra_a_dump_is_one_clear_line(recording: Recording) -> None:
    ended = recording.run(sys.executable, "record", "dump.mitm")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "dump.mitm: error: a mitmproxy flow dump: install the extra, pip install 'stillgate[mitmproxy]'\n"
    )


def test_a_dump_that_is_cut_off_is_one_clear_line(recording: Recording) -> None:
    whole = (recording.folder / "dump.mitm").read_bytes()
    (recording.folder / "cut.mitm").write_bytes(whole[:-100])
    ended = recording.run(BIN / "python", "record", "cut.mitm", "--secret-file", "secret.txt")
    assert ended.returncode == 2
    assert ended.stderr == "cut.mitm: error: flow 8 cannot be read: Invalid data format.\n"

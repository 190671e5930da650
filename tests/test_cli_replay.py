"""`gateway replay` as a process: one stable report, one clear line for what is wrong, nothing else."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.support import LADDER, chat, policy

RULES = """
signals:
  many: {count: {of: requests, over: 1h}, ramp: [0, 40], points: 40, why: "{value:.0f} requests"}
  out: {count: {of: output_tokens, over: 1h}, ramp: [0, 4000], points: 30}
  kinds: {distinct: {of: prompts, over: 1h}, ramp: [0, 20], points: 20}
  alike: {profile: {metric: repeats, min: 3}, ramp: [0, 1], points: 20}
  steady: {cadence: {metric: interval_cv, over: 1h, min: 3}, ramp: [2, 0], points: 20}
"""


def _run(
    *words: str | Path, seed: str = "0", home: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", "replay", *map(str, words)],
        capture_output=True,
        timeout=120,
        check=False,
        cwd=home,
        env=os.environ | {"PYTHONHASHSEED": seed} | environment,
    )


def _policies(home: Path, mode: str = "enforce") -> Path:
    directory = home / "policies"
    directory.mkdir(parents=True)
    refused = policy("signals: {s: {request: {request.echo: true}, points: 45}}", id="second")
    probe = policy(RULES + "  echo: {request: {request.echo: true}, points: 45}\n", mode=mode)
    (directory / "all.yaml").write_text("\n".join([probe, refused, LADDER]))
    return directory


def _traffic(count: int = 120) -> list[bytes]:
    numbers = random.Random(7)
    lines = []
    for at in range(count):
        name = numbers.choice(["ann", "bob", "mallory", "mallory", "mallory"])
        text = f"Question {at}: what is {at} plus {at}?" if name == "mallory" else f"hello {at % 3}"
        line = {
            "ts": 1_750_000_000 + at * 3.5,
            "principal": name,
            "truth": "attack:sums" if name == "mallory" else "benign:chat",
            "request": chat(text, echo=name == "mallory" and at > 100),
            "usage": {"prompt_tokens": 5, "completion_tokens": 10 + at},
        }
        lines.append(json.dumps(line).encode() + b"\n")
    return lines


def _report(*words: str | Path, **options: Any) -> dict[str, Any]:
    ended = _run("-o", "json", *words, **options)
    assert (ended.returncode, ended.stderr) == (0, b"")
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def _same(report: dict[str, Any]) -> str:
    """What must be equal, as text: the order of keys counts."""
    assert isinstance(report["seconds"], float)
    return json.dumps({name: value for name, value in report.items() if name != "seconds"})


def test_the_report_is_the_stable_interface(tmp_path: Path) -> None:
    policies, file = _policies(tmp_path), tmp_path / "traffic.jsonl"
    file.write_bytes(b"".join(_traffic()))
    report = _report(file, "--policies", policies)
    assert set(report) == {"bundle", "requests", "seconds", "principals", "rungs", "signals"}
    assert report["requests"] == 120
    assert set(report["rungs"]) == {"watch", "narrow", "throttle", "perturb", "refuse"}
    assert set(report["principals"]) == {"ann", "bob", "mallory"}
    assert sum(principal["requests"] for principal in report["principals"].values()) == 120
    for principal in report["principals"].values():
        assert set(principal) == {"requests", "truth", "peak", "rungs", "campaign", "reasons"}
        assert set(principal["peak"]) == set(principal["rungs"]) == {"enforced", "shadow"}
    mallory = report["principals"]["mallory"]
    assert (mallory["truth"], mallory["campaign"]) == ("attack:sums", None)
    assert set(mallory["rungs"]["enforced"]) == {"watch", "narrow", "throttle", "perturb", "refuse"}
    first = [mallory["rungs"]["enforced"][rung] for rung in ("watch", "throttle", "refuse")]
    numbers = [entry["first_request"] for entry in first]
    assert 1 <= numbers[0] < numbers[1] < numbers[2] <= mallory["requests"]
    assert all(set(entry) == {"first_request", "ts"} for entry in first)
    assert all(set(reason) == {"signal", "value", "points", "text"} for reason in mallory["reasons"])


def test_equal_input_and_policies_give_equal_bytes_in_every_process(tmp_path: Path) -> None:
    policies, file = _policies(tmp_path), tmp_path / "traffic.jsonl"
    file.write_bytes(b"".join(_traffic()))
    reports, records = set(), set()
    for seed in ("0", "1", "4242"):
        lines = tmp_path / f"records-{seed}"
        reports.add(_same(_report(file, "--policies", policies, "--records", lines, seed=seed)))
        records.add(lines.read_bytes())
    assert len(reports) == len(records) == 1
    assert len(records.pop().splitlines()) == 120


def test_packing_order_and_number_of_files_make_no_difference(tmp_path: Path) -> None:
    policies, lines = _policies(tmp_path), _traffic()
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(b"".join(lines))
    shuffled = list(lines)
    random.Random(3).shuffle(shuffled)
    parts = tmp_path / "parts"
    (parts / "deep").mkdir(parents=True)
    (parts / "a.jsonl").write_bytes(b"".join(lines[0::3]))
    (parts / "b.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[1::3])))
    (parts / "deep" / "c.ndjson.zst").write_bytes(zstandard.compress(b"".join(lines[2::3])))
    (tmp_path / "mixed.gz").write_bytes(gzip.compress(b"".join(shuffled)))
    found = [[whole], [parts], [tmp_path / "mixed.gz"], [parts / "deep", parts / "b.jsonl.gz", parts]]
    reports = {_same(_report(*names, "--policies", policies)) for names in found}
    assert len(reports) == 1


def test_modes_say_how_far_policies_may_go(tmp_path: Path) -> None:
    policies, file = _policies(tmp_path, mode="shadow"), tmp_path / "traffic.jsonl"
    file.write_bytes(b"".join(_traffic()))

    def peaks(*options: str) -> tuple[float, float]:
        report = _report(file, "--policies", policies, *options)
        peak = report["principals"]["mallory"]["peak"]
        return peak["enforced"], peak["shadow"]

    written, forced = peaks(), peaks("--as-mode", "enforce")
    # As written only the second policy, worth 45, is enforced.
    assert written[0] == 45.0
    assert written[1] > 85.0
    assert forced[0] == forced[1] > 85.0
    assert peaks("--mode", "shadow") == (0.0, written[1])
    assert peaks("--mode", "shadow", "--as-mode", "enforce") == (0.0, written[1])


def test_records_are_decision_records_one_per_request(tmp_path: Path) -> None:
    policies, file = _policies(tmp_path), tmp_path / "traffic.jsonl"
    odd = [
        {"ts": 1, "principal": "ann", "request": {}, "route": "/v1/files"},
        {"ts": 2, "principal": "ann", "request": {"messages": "no"}},
        {"ts": 3, "principal": "ann", "request": "text", "route": "/v1/messages"},
        {"ts": 4, "principal": "ann", "request": chat()},
    ]
    file.write_text("\n".join(map(json.dumps, odd)))
    records = tmp_path / "records.jsonl"
    report = _report(file, "--policies", policies, "--records", records)
    found = [json.loads(line) for line in records.read_bytes().splitlines()]
    assert [record["id"] for record in found] == [f"replay-{at}" for at in (1, 2, 3, 4)]
    assert [record["ts"] for record in found] == [1, 2, 3, 4]
    assert [record["unscored"] for record in found] == [
        "unknown_route",
        "invalid_type",
        "not_an_object",
        None,
    ]
    assert found[3]["bundle"] == report["bundle"]
    assert report["principals"]["ann"]["requests"] == 4


def test_text_is_for_reading_and_the_default(tmp_path: Path) -> None:
    policies, file = _policies(tmp_path), tmp_path / "traffic.jsonl"
    file.write_bytes(b"".join(_traffic()))
    ended = _run(file, home=tmp_path)
    text = ended.stdout.decode()
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert policies.name == "policies"
    assert "mallory" in text
    assert "120 requests · 3 principals" in text


def test_the_bar_is_on_standard_error_and_only_on_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "traffic.jsonl"
    file.write_bytes(b"".join(_traffic()))
    words = (file, "--policies", _policies(tmp_path), "-o", "json")
    plain = _run(*words)
    shown = _run(*words, FORCE_COLOR="1")
    quiet = _run(*words, "--quiet", FORCE_COLOR="1")
    assert (plain.stderr, quiet.stderr) == (b"", b"")
    assert b"reading" in shown.stderr
    assert b"replaying" in shown.stderr
    assert json.loads(shown.stdout)["requests"] == 120


# --- bad input ---------------------------------------------------------------------------------------


def _says(home: Path, words: Sequence[str | Path], message: str) -> None:
    ended = _run(*words, "-o", "json", home=home)
    lines = ended.stderr.decode().splitlines()
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert len(lines) == 1, ended.stderr.decode()
    assert message in lines[0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nowhere.jsonl", None, "nowhere.jsonl: error: no such file or directory"),
        ("bad.jsonl", b'{"ts": 1}\n', "bad.jsonl:1:1: error: not a traffic line: "),
        ("bad.jsonl", _traffic(2)[0] + b"{", "bad.jsonl:2:1: error: not a traffic line: "),
        ("bad.jsonl", b'{"ts": 1, "principal": "a", "request": {}, "status": "x"}', "$.status"),
        ("cut.jsonl.gz", gzip.compress(b"".join(_traffic()))[:-20], "cut.jsonl.gz:"),
        ("cut.jsonl.zst", zstandard.compress(b"".join(_traffic()))[:-20], "cut.jsonl.zst:"),
        (
            "deep.jsonl",
            b'{"ts": 1, "principal": "a", "request": ' + b"[" * 100_000,
            "deep.jsonl:1:1: error: ",
        ),
    ],
)
def test_bad_traffic_is_one_clear_line(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    _policies(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    _says(tmp_path, [name], message)


def test_an_empty_directory_is_one_clear_line(tmp_path: Path) -> None:
    _policies(tmp_path)
    (tmp_path / "empty").mkdir()
    _says(tmp_path, ["empty"], "empty: error: no traffic files here")


def test_wrong_policies_are_told_before_any_traffic_is_read(tmp_path: Path) -> None:
    directory = _policies(tmp_path)
    _says(tmp_path, ["nowhere.jsonl", "--policies", "elsewhere"], "elsewhere: error: no such file")
    (directory / "broken.yaml").write_text("kind: policy\nid: [\n")
    _says(tmp_path, ["nowhere.jsonl"], "broken.yaml:")


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (".", "cannot be written: Is a directory"),
        ("no/such/place", "cannot be written: No such file or directory"),
        ("/dev/full", "cannot be written: No space left on device"),
        ("traffic.jsonl", "this is recorded traffic: write the records elsewhere"),
    ],
)
@pytest.mark.parametrize("count", [3, 120])
def test_records_that_cannot_be_written_are_one_clear_line(
    records: str, reason: str, count: int, tmp_path: Path
) -> None:
    _policies(tmp_path)
    content = b"".join(_traffic(count))
    (tmp_path / "traffic.jsonl").write_bytes(content)
    _says(tmp_path, ["traffic.jsonl", "--records", records], f"{records}: error: {reason}")
    assert (tmp_path / "traffic.jsonl").read_bytes() == content


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5"])
def test_a_number_of_principals_is_positive(number: str, tmp_path: Path) -> None:
    ended = _run("traffic.jsonl", f"--max-principals={number}", home=tmp_path)
    assert ended.returncode == 2
    assert f"'{number}' is not a positive number" in ended.stderr.decode()


# --- memory ------------------------------------------------------------------------------------------


def _peak_kib(words: list[str]) -> int:
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, spent = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return spent.ru_maxrss


def test_memory_does_not_grow_with_the_traffic(tmp_path: Path) -> None:
    policies = _policies(tmp_path)
    peaks = []
    for count in (2_000, 20_000):
        file = tmp_path / "traffic.jsonl"
        with file.open("w") as out:
            for at in range(count):
                body = {"messages": [{"role": "user", "content": f"{at % 50} " + "word " * 100}]}
                out.write(json.dumps({"ts": at, "principal": f"p{at % 5}", "request": body}) + "\n")
        words = [sys.executable, "-m", "gateway.cli", "replay", str(file), "--policies", str(policies)]
        peaks.append(_peak_kib(words))
    # The longer file alone has 12 MiB.
    assert peaks[1] < peaks[0] + 4 * 1024

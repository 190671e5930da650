"""`gateway record` and `gateway replay` on everything that is not a traffic line."""

from __future__ import annotations

import gzip
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gateway.cli import main
from tests.readers.support import DATA
from tests.readers.test_access import ENVOY
from tests.readers.test_har import BODY
from tests.support import LADDER, chat, policy

RULES = """
signals:
  many: {count: {of: requests, over: 1h}, ramp: [0, 10], points: 20}
  probes: {ratio: {where: {request.max_tokens: {lte: 2}}, over: 1h, min: 2}, ramp: [0, 1], points: 20}
  kinds: {distinct: {of: prompts, over: 1h}, ramp: [0, 20], points: 30}
  asks: {request: {prompt.user: {matches: 'sk(y|ill)'}}, points: 10}
  out: {count: {of: output_tokens, over: 1h}, ramp: [0, 1000], points: 10}
"""


@dataclass(frozen=True)
class Ended:
    """What a verb left behind."""

    returncode: int
    stdout: bytes
    stderr: bytes


def _run(home: Path, *words: str | Path, stdin: bytes = b"") -> Ended:
    """A verb in this process, as if in one of its own."""
    out, err, given = (io.TextIOWrapper(io.BytesIO(data), "utf-8") for data in (b"", b"", stdin))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        for name, stream in (("stdout", out), ("stderr", err), ("stdin", given)):
            patch.setattr(sys, name, stream)
        try:
            code = main([*map(str, words)])
        except SystemExit as ended:  # argparse
            code = int(ended.code or 0)
    for stream in (out, err):
        stream.flush()
    return Ended(code, out.buffer.getvalue(), err.buffer.getvalue())


def _out(home: Path, *words: str | Path, stdin: bytes = b"") -> bytes:
    ended = _run(home, *words, stdin=stdin)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout


def _lines(home: Path, *words: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _out(home, "record", *words).splitlines()]


def _replayed(home: Path, *words: str | Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(_out(home, "replay", "-o", "json", *words))
    return report | {"seconds": 0}


def _fails(home: Path, *words: str | Path) -> str:
    ended = _run(home, *words)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"Traceback" not in ended.stderr
    return ended.stderr.decode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A working directory with policies, a secret, and traffic of the last hour."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.yaml").write_text(policy(RULES) + LADDER)
    (tmp_path / "secret.txt").write_text("a secret for these tests")
    traffic = [
        {
            "ts": 1_750_000_000 + at,
            "principal": "ann",
            "request": chat(f"what sky number {at}", max_tokens=1 if at % 3 else 50),
            "usage": {"prompt_tokens": 5, "completion_tokens": 10},
        }
        for at in range(12)
    ]
    (tmp_path / "traffic.jsonl").write_text("\n".join(map(json.dumps, traffic)))
    return tmp_path


# --- record ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["litellm-spend-prompts", "litellm-callback", "otel-openai", "otel-messages"]
)
@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
def test_converting_first_changes_nothing(name: str, packing: str, home: Path) -> None:
    source = DATA / f"{name}.jsonl"
    _out(home, "record", source, "--secret-file", "secret.txt", "--out", f"lines.jsonl{packing}")
    direct = _replayed(home, source, "--secret-file", "secret.txt")
    assert direct == _replayed(home, f"lines.jsonl{packing}")
    assert direct["requests"] > 0


def test_the_name_says_how_the_lines_are_packed(home: Path) -> None:
    plain = _out(home, "record", "traffic.jsonl")
    assert plain.count(b"\n") == 12
    for name in ("a.gz", "a.zst"):
        _out(home, "record", "traffic.jsonl", "--out", name)
    assert gzip.decompress((home / "a.gz").read_bytes()) == plain
    assert zstandard.ZstdDecompressor().decompressobj().decompress((home / "a.zst").read_bytes()) == plain


def test_formats_mix_and_lines_come_out_by_time(home: Path) -> None:
    lines = _lines(home, DATA, "traffic.jsonl", "--secret-file", "secret.txt")
    times = [line["ts"] for line in lines]
    assert times == sorted(times)
    assert len(lines) == 12 + 3 + 3 + 4 + 3 + 1 + 2 + 2 + 5


def test_a_har_key_is_the_principal_that_identify_prints(home: Path) -> None:
    headers = [{"name": "x-api-key", "value": "sk-secret"}]
    request = {
        "method": "POST",
        "url": "https://x/v1/messages",
        "headers": headers,
        "postData": {"text": BODY},
    }
    entry = {"startedDateTime": "2026-11-23T14:08:23Z", "request": request, "response": {"status": 200}}
    (home / "session.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    named = _out(home, "identify", stdin=b"sk-secret\n").decode().strip()
    (line,) = _lines(home, "session.har")
    assert line["principal"] == named
    (home / "copy").write_bytes((home / "var" / "identity.secret").read_bytes())
    (same,) = _lines(home, "session.har", "--secret-file", "copy")
    assert same["principal"] == named
    (other,) = _lines(home, "session.har", "--secret-file", "secret.txt")
    assert other["principal"] not in (named, "sk-secret")


def test_a_mapping_gives_organisation_and_tier(home: Path) -> None:
    _access(home)
    (line,) = _lines(home, "access.log", "--secret-file", "secret.txt")
    who = line["principal"]
    (home / "mapping.yaml").write_text(
        f"principals: {{{who}: {{org: acme}}}}\norgs: {{acme: {{tier: paid}}}}\n"
    )
    (home / "config.yaml").write_text("identity: {mapping: mapping.yaml, secret_file: secret.txt}\n")
    (line,) = _lines(home, "access.log", "--config", "config.yaml")
    assert (line["principal"], line["org"], line["tier"]) == (who, "acme", "paid")


def _access(home: Path, **more: Any) -> None:
    (home / "access.log").write_text(json.dumps(ENVOY | more) + "\n")


def test_fields_say_where_an_access_log_holds_things(home: Path) -> None:
    _access(home, llm="m", who="alice")
    words = ("access.log", "--secret-file", "secret.txt", "--from", "access")
    (usual,) = _lines(home, *words)
    (own,) = _lines(
        home, *words, "--field", "model=llm", "--field", "principal=nobody", "--field", "principal=who"
    )
    assert own["features"]["model"] == "m"
    assert own["kind"] == "header"
    assert "model" not in usual["features"]


def test_the_summary_says_what_was_read_as_what_and_what_is_lacking(home: Path) -> None:
    said = _run(home, "record", DATA / "otel-openai.jsonl").stderr.decode()
    assert "otel-openai.jsonl: otel, 1 passed over that are no calls to a model\n3 lines\n" in said
    assert "lacking on 3: account, answer, client, identity, " in said
    assert _run(home, "record", DATA / "otel-openai.jsonl", "--quiet").stderr == b""
    assert _run(home, "record", DATA / "otel-messages.jsonl").stderr.decode().count("1 line\n") == 1


def test_help_teaches(home: Path) -> None:
    said = _out(home, "record", "--help").decode()
    assert "examples:" in said
    assert "mitmproxy dumps" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.har"], "nowhere.har: error: no such file or directory"),
        (["traffic.jsonl", "--from", "har"], "traffic.jsonl: error: no HAR file: log.entries is missing"),
        (
            ["traffic.jsonl", "--from", "litellm"],
            "traffic.jsonl:1:1: error: not a LiteLLM log entry: missing",
        ),
        (["bad.json"], "bad.json:2:1: error: not JSON: "),
        (["traffic.jsonl", "--out", "traffic.jsonl"], "traffic.jsonl: error: this is an input"),
        (["traffic.jsonl", "--out", "no/where"], "no/where: error: cannot be written: No such file"),
        (["traffic.jsonl", "--field", "model"], "write NAME=KEY, such as principal=consumer_name"),
        (["traffic.jsonl", "--field", "modell=x"], "(did you mean 'model'?)"),
        (["short.har", "--secret-file", "none.txt"], "cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_is_one_clear_line(words: list[str], message: str, home: Path) -> None:
    (home / "bad.json").write_text('[{"call_type": "completion", "startTime": 1},\n {"call_type":\n')
    entry = {
        "startedDateTime": "2026-11-23T14:08:23Z",
        "request": {"method": "POST", "url": "http://x/v1/messages"},
    }
    (home / "short.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    said = _fails(home, "record", *words)
    assert message in said
    assert len(said.splitlines()) == 1 or said.startswith("usage:")


# --- replay ------------------------------------------------------------------------------------------


def test_traffic_lines_are_wholly_re_evaluable(home: Path) -> None:
    signals = _replayed(home, "traffic.jsonl")["signals"]
    assert signals == {
        "re_evaluable": ["probe.many", "probe.probes", "probe.kinds", "probe.asks", "probe.out"],
        "frozen": [],
        "blind": [],
        "partly_blind": {},
    }


def test_traffic_without_any_cost_is_blind_for_tokens(home: Path) -> None:
    lines = [json.loads(line) for line in (home / "traffic.jsonl").read_text().splitlines()]
    for line in lines:
        del line["usage"]
    (home / "bare.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert _replayed(home, "bare.jsonl")["signals"]["blind"] == ["probe.out"]
    both = _replayed(home, "bare.jsonl", "traffic.jsonl")["signals"]
    assert both["blind"] == ["probe.out"]
    assert _lines(home, "bare.jsonl")[0]["lacks"] == ["usage"]


def test_access_logs_leave_rates_and_the_text_says_so(home: Path) -> None:
    _access(home)
    words = ("access.log", "--secret-file", "secret.txt")
    signals = _replayed(home, *words)["signals"]
    assert (signals["re_evaluable"], len(signals["blind"])) == (["probe.many"], 4)
    said = _out(home, "replay", *words).decode()
    assert "re-evaluable: 1/5 signals" in said
    assert "blind (the input lacks what they read): probe.probes, probe.kinds," in said


def test_our_own_records_replay_to_the_same_scores(home: Path) -> None:
    first = _replayed(home, "traffic.jsonl", "--records", "records.jsonl")
    again = _replayed(home, "records.jsonl")
    assert again["signals"]["frozen"] == ["probe.kinds", "probe.asks"]
    assert again["signals"]["blind"] == []
    assert again["principals"] == first["principals"]
    assert again["rungs"] == first["rungs"]


def test_on_our_own_records_ramps_and_points_can_be_tried_and_windows_cannot(home: Path) -> None:
    _replayed(home, "traffic.jsonl", "--records", "records.jsonl")
    rules = home / "policies" / "all.yaml"
    before = rules.read_text()
    rules.write_text(before.replace("ramp: [0, 20], points: 30", "ramp: [0, 5], points: 50"))
    tried = _replayed(home, "records.jsonl")
    assert tried["signals"]["frozen"] == ["probe.kinds", "probe.asks"]
    assert tried["principals"] == _replayed(home, "traffic.jsonl")["principals"]
    rules.write_text(before.replace("{of: prompts, over: 1h}", "{of: prompts, over: 2h}"))
    assert _replayed(home, "records.jsonl")["signals"]["blind"] == ["probe.kinds"]


def test_a_dump_of_a_directory_is_found_by_its_names(home: Path) -> None:
    folder = home / "mixed"
    folder.mkdir()
    (folder / "spend.json").write_bytes((DATA / "litellm-spend.jsonl").read_bytes())
    (folder / "notes.txt").write_text("not traffic")
    assert _replayed(home, folder)["requests"] == 3

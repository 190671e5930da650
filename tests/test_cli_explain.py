"""`gateway explain` for a request, a principal in a trace, and a decision in the records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main
from gateway.readers.settings import reader_settings
from tests.policytests.support import COUNTING, ECHO, PHRASES, WORDY
from tests.readers.support import read
from tests.readers.test_har import har_entry
from tests.support import LADDER, chat, policy


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.yaml").write_text("\n".join([COUNTING, ECHO, PHRASES, WORDY, LADDER]))
    (tmp_path / "body.json").write_text(json.dumps(chat("alpha beta", echo=True)))
    lines = [
        {"ts": 1000 + 60 * at, "principal": who, "request": chat(f"hello {at}", echo=who == "loud")}
        for at in range(10)
        for who in ("loud", "calm")
    ]
    (tmp_path / "trace.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def run(home: Path, *words: str | Path) -> int:
    return main(["explain", "--policies", str(home / "policies"), *map(str, words)])


def told(home: Path, capsysbinary: pytest.CaptureFixture[bytes], *words: str | Path) -> dict[str, Any]:
    assert run(home, "-o", "json", *words) == 0
    found: dict[str, Any] = json.loads(capsysbinary.readouterr().out)
    return found


def test_a_request_is_explained_by_itself(home: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    found = told(home, capsysbinary, "--request", home / "body.json")
    assert [row["id"] for row in found["signals"]] == ["echoing.echo", "wordy.said", "counting.many"]
    assert found["matched"] == ["phrases.one"]
    assert found["shadow"] == {"score": 50.6, "rung": "throttle", "at": 50.0}


def test_a_policy_for_one_kind_of_sender_is_explained_as_any_other(
    home: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (home / "policies" / "kind.yaml").write_text(
        policy("match: {profile.kind: person}\nsignals: {any: {request: {request.n: 1}, points: 30}}")
    )
    talk = ("user", "Why?"), ("assistant", "So."), ("user", "And then?")
    body = {"model": "m", "messages": [{"role": role, "content": text} for role, text in talk]}
    lines = [{"ts": at, "principal": "talker", "request": body} for at in range(40)]
    (home / "talk.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = told(home, capsysbinary, "--principal", "talker", "--trace", home / "talk.jsonl", "--at", "40")
    assert "probe.any" in [row["id"] for row in found["signals"]]
    found = told(home, capsysbinary, "--principal", "talker", "--trace", home / "talk.jsonl", "--at", "30")
    assert "probe.any" not in [row["id"] for row in found["signals"]]


def test_a_request_can_be_sent_again_and_again(
    home: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    found = told(home, capsysbinary, "--request", home / "body.json", "--times", "30", "--every", "10s")
    assert (found["number"], found["age"]) == (30, 300.0)
    assert {row["id"]: row["value"] for row in found["signals"]}["counting.many"] == 30


def test_the_text_is_a_table(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, "--request", home / "body.json", "--route", "/v1/completions") == 0
    assert "harmless → certain" in capsys.readouterr().out


def test_a_principal_is_explained_at_its_peak(home: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    found = told(home, capsysbinary, "--principal", "loud", "--trace", home / "trace.jsonl")
    assert (found["principal"], found["number"], found["offset"]) == ("loud", 10, 540.0)
    assert found["signals"][1]["value"] == 10
    third = told(home, capsysbinary, "--principal", "calm", "--trace", home / "trace.jsonl", "--at", "3")
    assert (third["number"], third["signals"][0]["value"]) == (3, 3)


def test_others_are_replayed_where_they_share_a_counter(
    home: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    shared = COUNTING.replace("mode: enforce", "mode: enforce\nkey: org")
    (home / "policies" / "all.yaml").write_text("\n".join([shared, ECHO, PHRASES, WORDY, LADDER]))
    lines = [json.loads(line) | {"org": "o"} for line in (home / "trace.jsonl").read_text().splitlines()]
    (home / "trace.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = told(home, capsysbinary, "--principal", "calm", "--trace", home / "trace.jsonl", "--at", "120s")
    assert found["signals"][0]["value"] == 6


def test_a_principal_of_a_har_file_goes_by_the_id_of_the_secret_and_the_mapping(
    home: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    session = json.dumps({"log": {"entries": [har_entry()]}})
    (home / "session.har").write_text(session)
    (home / "secret.txt").write_text("a secret for these tests")
    who = read("har", session.encode(), reader_settings(None, home / "secret.txt"))[0].principal
    (home / "mapping.yaml").write_text(f"principals: {{{who}: {{org: acme}}}}\norgs: {{acme: {{}}}}\n")
    (home / "config.yaml").write_text(f"identity: {{mapping: {home / 'mapping.yaml'}}}\n")
    identity = ("--secret-file", home / "secret.txt", "--config", home / "config.yaml")
    found = told(home, capsysbinary, "--principal", who, "--trace", home / "session.har", *identity)
    assert (found["principal"], found["org"]) == (who, "acme")


def test_a_decision_is_found_in_the_records(home: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    log = home / "records.jsonl"
    replayed = [
        str(home / "trace.jsonl"),
        "--policies",
        str(home / "policies"),
        "--records",
        str(log),
        "--quiet",
    ]
    assert main(["replay", *replayed]) == 0
    capsysbinary.readouterr()
    found = told(home, capsysbinary, "--decision", "replay-5", "--log", log)
    assert (found["id"], found["principal"], found["known"]) == ("replay-5", "loud", True)
    assert found["signals"][0]["id"] == "echoing.echo"
    assert found["age"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--request", "H/body.json", "--route", "/nowhere"], "--route: error: no known route: '/nowhere'"),
        (
            ["--request", "H/nothing.json"],
            "nothing.json: error: not a request body: No such file or directory",
        ),
        (["--request", "H/policies/all.yaml"], "not a request body: "),
        (["--principal", "loud"], "name the traffic with --trace"),
        (["--principal", "nobody", "--trace", "H/trace.jsonl"], "no such request of 'nobody' here"),
        (["--principal", "lou", "--trace", "H/trace.jsonl"], "of 'lou' (did you mean 'loud'?) here"),
        (["--principal", "loud", "--trace", "H/empty.jsonl"], "no such request of 'loud' here"),
        (["--decision", "replay-5"], "name the records with --log"),
        (["--decision", "x", "--log", "H/trace.jsonl"], "no decision 'x' here"),
        (["--decision", "loud", "--log", "H/trace.jsonl"], "trace.jsonl:1:1: error: not a decision record"),
        (["--decision", "hello", "--log", "H/other.jsonl"], "no decision 'hello' here"),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    (home / "empty.jsonl").write_text("")
    (home / "other.jsonl").write_text('{"id": "hello there"}')
    assert run(home, *(word.replace("H/", f"{home}/") for word in words)) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--request", "x", "--at", "noon"], ["--request", "x", "--every", "10"], []]
)
def test_options_that_mean_nothing_are_refused(home: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(home, *words)
    assert caught.value.code == 2

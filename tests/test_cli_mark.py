"""`gateway mark`: a vocabulary from answers, and epochs of a ring."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.ring import read_ring
from tests.suspect_model import suspect_model

ANSWERS = "".join(json.dumps({"response": "so the on the of on the to of to on"}) + "\n" for _ in range(3))


@pytest.fixture
def answers(tmp_path: Path) -> str:
    path = tmp_path / "answers.jsonl"
    path.write_text(ANSWERS)
    return str(path)


def test_a_vocabulary_is_made_with_a_server_that_tokenizes(
    answers: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_KEY", "sk-secret")
    with suspect_model(str.upper) as (url, keys):
        command = ["mark", "vocabulary", answers, "--endpoint", url, "--key-env", "MODEL_KEY"]
        assert main([*command, "--id", "house", "--model", "m-*", "--model", "n", "--words", "2"]) == 0
    made = capsys.readouterr().out
    assert made.startswith(
        'kind: vocabulary\nid: house\ntitle: "Words of house"\nmodels: ["m-*", "n"]\nwords:\n'
    )
    assert f'\n  "on": {{id: {int.from_bytes(b"on")}, count: 9}}\n' in made
    assert made.count("count:") == 2
    assert set(keys) == {"Bearer sk-secret"}


def test_a_vocabulary_is_made_with_a_tokenizer_file(
    answers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps({"model": {"vocab": {"\u0120the": 1, "\u0120of": 2, "\u0120to": 3}}}))
    command = ["mark", "vocabulary", answers, "--tokenizer", str(file), "--id", "house", "--model", "*"]
    assert main([*command, "--skip", "to"]) == 0
    made = capsys.readouterr().out
    assert made.endswith('words:\n  "the": {id: 1, count: 9}\n  "of": {id: 2, count: 6}\n')
    target = tmp_path / "house.yaml"
    assert main([*command, "--skip", "to", "-o", str(target)]) == 0
    assert (target.read_text(), capsys.readouterr().out) == (made, "")
    assert main([*command, "-o", str(tmp_path / "none" / "x")]) == 2
    assert capsys.readouterr().err.endswith("cannot be written: No such file or directory\n")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--id", "No Slug"], "--id: error: an id is made of lower-case letters"),
        (["--id", "x", "--field", "respons"], "no field 'respons' (did you mean 'response'?)"),
        (["--id", "x", "--words", "1"], "no two words come twice and are one token each"),
        (["--id", "x", "--key-env", "NO_KEY"], "--key-env: error: the environment has no variable NO_KEY"),
    ],
)
def test_what_makes_no_vocabulary_is_told(
    answers: str, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with suspect_model(str.upper) as (url, _):
        assert main(["mark", "vocabulary", answers, "--endpoint", url, "--model", "*", *more]) == 2
    assert message in capsys.readouterr().err


def test_without_the_client_it_is_said_what_to_install(
    answers: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "gateway.asking", raising=False)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    command = ["mark", "vocabulary", answers, "--endpoint", "http://x", "--id", "x", "--model", "*"]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert told == "--endpoint: error: needs httpx2: pip install 'stillgate[httpx2]'\n"


def test_a_rotation_begins_an_epoch_and_shows_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ring = tmp_path / "ring.json"
    for count in (1, 2, 3):
        assert main(["mark", "rotate", "--key-ring", str(ring)]) == 0
        assert capsys.readouterr().out == f"{ring}: epoch {count} of {count}\n"
    begins = [epoch.begins for epoch in read_ring(ring).epochs]
    assert begins == sorted(begins)
    assert begins[0] == 0 < begins[1]

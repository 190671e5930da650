"""`gateway verify`: whose mark texts carry, or a model's answers."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main
from gateway.marks.greenlist import Vocabulary, Word
from gateway.marks.text import mark
from gateway.ring import kept_ring, rotate
from gateway.wordlist import lines
from tests.marks.texts import PROSE
from tests.suspect_model import suspect_model
from tests.test_suspects import record

NAMES = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=3)][:400]
WORDS = Vocabulary(Word(name, place, 10) for place, name in enumerate(NAMES))
PRINCIPALS = [f"key_{number:020x}" for number in range(50)]


def said(key: bytes | None, seed: int, size: int = 100) -> str:
    """Random words; with a key two of three go with it."""
    source = random.Random(seed)
    coins = [source.randint(0, 1) for _ in WORDS.pairs] if key is None else WORDS.coins(key)
    drawn = source.choices(range(len(WORDS.pairs)), k=size)
    lean = 0.5 if key is None else 2 / 3
    return "so " + " ".join(WORDS.pairs[at][coins[at] ^ (source.random() > lean)].text for at in drawn)


class Home:
    """A directory with a ring, a vocabulary among policies, and the decision records of who was marked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ring = kept_ring(path / "ring.json")
        (path / "policies").mkdir()
        words = [word for pair in WORDS.pairs for word in pair]
        (path / "policies" / "words.yaml").write_text("".join(lines("words", ["*"], words)))
        (path / "policies" / "other.yaml").write_text("kind: ladder\nid: x\n")
        rows = [record(name, ["watermark"], "acme" if name == PRINCIPALS[0] else None) for name in PRINCIPALS]
        (path / "decisions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def suspect(self, key: bytes | None, texts: int = 20) -> Path:
        path = self.path / "suspect.jsonl"
        rows = [{"response": said(key, seed)} for seed in range(texts)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def verify(self, *more: str | Path, names: bool = True) -> int:
        where = ["--records", self.path / "decisions.jsonl"] if names else []
        command = ["verify", "--key-ring", self.path / "ring.json", "--policies", self.path / "policies"]
        return main([str(part) for part in (*command, *where, *more)])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_the_one_whose_mark_it_is_is_named(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    who = PRINCIPALS[7]
    assert home.verify(home.suspect(home.ring.epochs[0].key(who))) == 0
    head, outcome, found = capsys.readouterr().out.splitlines()
    assert head == "20 texts with 2,000 words of vocabulary words; 51 keys asked about"
    assert outcome == "marked"
    assert found.startswith(f"  by {who} (epoch 1, words): p ")


def test_an_older_epoch_and_an_organisation_are_found_and_no_secret_is_shown(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    ring = rotate(home.path / "ring.json", 1000.0)
    key = ring.epochs[0].key("org:acme")
    assert home.verify(home.suspect(key), "-o", "json") == 0
    shown = capsys.readouterr().out
    found: dict[str, Any] = json.loads(shown)
    assert (found["outcome"], found["texts"], found["read"], found["tried"]) == (
        "marked",
        20,
        {"words": "2,000 words of vocabulary words"},
        102,
    )
    assert (found["found"][0]["name"], found["found"][0]["epoch"]) == ("org:acme", "1")
    assert found["found"][0]["adjusted"] <= 1e-3 < found["best"][1]["adjusted"]
    assert key.hex() not in shown
    assert all(epoch.secret.hex() not in shown for epoch in ring.epochs)


def test_texts_without_a_mark_accuse_nobody(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.verify(home.suspect(None)) == 0
    _, outcome, likeliest = capsys.readouterr().out.splitlines()
    assert outcome == "no mark of anybody asked about"
    assert likeliest.startswith("  likeliest, and no evidence: ")


def test_too_little_text_is_told(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.verify(home.suspect(None, 2)) == 0
    assert "\nnot enough text: " in capsys.readouterr().out
    assert home.verify(home.suspect(None), "--level", "1e-30") == 0
    assert "\nnot enough text: " in capsys.readouterr().out


def test_the_mark_in_prose_is_found_beside_that_of_words_or_alone(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    who = PRINCIPALS[3]
    path = home.path / "prose.jsonl"
    text = mark(PROSE, home.ring.epochs[0].key(who))
    path.write_text(json.dumps({"response": text}) + "\n")
    assert home.verify("--prose", "--level", "0.05", path) == 0
    head, outcome, found = capsys.readouterr().out.splitlines()
    assert head.endswith(" places of prose; 102 keys asked about")
    assert outcome == "marked"
    assert found.startswith(f"  by {who} (epoch 1, prose): p ")
    (home.path / "policies" / "words.yaml").unlink()
    assert home.verify("--prose", "--level", "0.05", path) == 0
    assert "51 keys asked about\nmarked\n" in capsys.readouterr().out
    assert home.verify(path) == 2
    assert "or ask for --prose" in capsys.readouterr().err


def test_names_and_words_may_come_from_files(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    names = home.path / "names.txt"
    names.write_text("key_x\nkey_y\n")
    text = home.path / "suspect.txt"
    text.write_text("\n".join(said(home.ring.epochs[0].key("key_y"), seed) for seed in range(20)))
    tokens = home.path / "policies" / "words.yaml"
    assert home.verify(text, "--names", names, "--tokens", tokens, "--policies", "none", names=False) == 0
    assert "\n  by key_y (epoch 1, words): p " in capsys.readouterr().out


def test_a_model_is_asked_in_place_of_texts(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_KEY", "sk-suspect")
    prompts = home.path / "prompts.txt"
    prompts.write_text("".join(f"{seed}\n" for seed in range(20)))
    key = home.ring.epochs[0].key(PRINCIPALS[3])
    student: Callable[[str], str] = lambda prompt: said(key, int(prompt))  # noqa: E731  it is passed on
    with suspect_model(student) as (url, keys):
        assert home.verify("--endpoint", url, "--prompts", prompts, "--key-env", "MODEL_KEY") == 0
    assert f"\n  by {PRINCIPALS[3]} (epoch 1, words)" in capsys.readouterr().out
    assert keys == ["Bearer sk-suspect"] * 20


def test_what_is_missing_is_told(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    suspect = home.suspect(None)
    none = home.path / "none.json"
    empty = home.path / "empty"
    empty.mkdir()
    (empty / "decisions.jsonl").write_text(json.dumps(record("key_1", ["log"])) + "\n")
    wrong: list[tuple[list[str | Path], str]] = [
        ([], "SUSPECT: error: give files of texts, or --endpoint with --prompts"),
        ([suspect, "--endpoint", "http://x"], "SUSPECT: error: give files of texts, or --endpoint"),
        (["--endpoint", "http://x"], "--endpoint: error: say with --prompts what to ask"),
        ([suspect, "--policies", empty], f"{empty}: error: no vocabulary: name the file"),
        ([suspect, "--names", none], f"{none}: error: cannot be read: No such file"),
        ([suspect, "--key-ring", none], f"{none}: error: cannot be read: No such file"),
    ]
    for more, message in wrong:
        assert home.verify(*more) == 2
        assert capsys.readouterr().err.startswith(message)
    assert home.verify(suspect, "--records", empty / "decisions.jsonl", names=False) == 2
    assert "decisions.jsonl: error: names nobody who was given marked answers" in capsys.readouterr().err


@pytest.mark.parametrize("level", ["0", "1", "often"])
def test_a_level_is_a_chance(home: Home, level: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        home.verify("x", "--level", level)
    assert f"'{level}' is no chance: write 0.001 or 1e-6" in capsys.readouterr().err

"""`gateway corpus`: a pack from files, what it holds, and mistakes with their place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.corpora import Corpus
from gateway.policies.load import read_corpora
from gateway.references import Reference
from gateway.signals.templates import pieces
from tests.support import chat

ROOT = Path(__file__).parents[1] / "policies"
BUILD = ("--licence", "MIT", "--source", "https://example.com")
LINES = "A question that nobody else has asked so far\nAnother one of which the same is true\n"


def items(path: Path, content: str = LINES) -> str:
    file = path / "items.txt"
    file.write_text(content)
    return str(file)


def test_a_pack_is_made_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = tmp_path / "house-set.corpus"
    assert main(["corpus", "build", items(tmp_path), *BUILD, "--title", "Ours", "-o", str(pack)]) == 0
    made = capsys.readouterr().out
    assert main(["corpus", "show", str(pack)]) == 0
    assert capsys.readouterr().out == made
    assert made.startswith("house-set: Ours\n  https://example.com (MIT)\n  2 sentences of 2 texts, ")
    assert made.endswith("finds a strange sentence by chance once in 2,147,483,648\n")


def test_a_pack_can_have_another_name_than_its_file(tmp_path: Path) -> None:
    pack = tmp_path / "x.corpus"
    assert main(["corpus", "build", items(tmp_path), *BUILD, "--name", "y", "-o", str(pack)]) == 0
    assert set(read_corpora(tmp_path)[0]) == {"y"}


def test_a_pack_of_frames_says_so_and_keeps_what_templates_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    templates = "".join(f"Please sum up what the guest wrote: {{text}}. Be {i}!\n" for i in "abcde")
    pack = tmp_path / "house.corpus"
    build = ["corpus", "build", "--frames", items(tmp_path, templates), *BUILD, "-o", str(pack)]
    assert main(build) == 0
    made = capsys.readouterr().out
    assert " pieces of 5 texts, " in made
    assert "finds a strange piece by chance" in made
    assert main([*build, "--common", "1"]) == 0
    assert capsys.readouterr().out != made


@pytest.mark.parametrize(
    ("output", "content", "words"),
    [
        ("x.bin", LINES, "a pack's name ends in .corpus: x.corpus"),
        ("X y.corpus", LINES, "an id is made of lower-case letters"),
        ("x.corpus", "short\n", "no sentence of 24 letters"),
        ("none/x.corpus", LINES, "cannot be written: No such file or directory"),
    ],
)
def test_a_pack_that_cannot_be_made_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, content: str, words: str
) -> None:
    assert main(["corpus", "build", items(tmp_path, content), *BUILD, "-o", str(tmp_path / output)]) == 2
    assert words in capsys.readouterr().err


def test_what_is_no_pack_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "show", items(tmp_path)]) == 2
    assert "items.txt: error: not a corpus pack" in capsys.readouterr().err
    assert main(["corpus", "show", str(tmp_path / "none")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_the_pack_of_our_own_problems_comes_from_its_text(tmp_path: Path) -> None:
    """A signal is proved by what the pack holds, so the two must not part."""
    shipped = ROOT / "corpora" / "self-test.corpus"
    made = tmp_path / "self-test.corpus"
    source = "policies/tests/traffic/self-test.txt"
    title = "Problems of our own, to prove that the signal works"
    words = ["--licence", "Apache-2.0", "--source", source, "--title", title, "-o", str(made)]
    assert main(["corpus", "build", str(ROOT / "tests" / "traffic" / "self-test.txt"), *words]) == 0
    assert made.read_bytes() == shipped.read_bytes()


def test_every_shipped_pack_says_where_it_comes_from() -> None:
    corpora, problems = read_corpora(ROOT)
    assert problems == []
    test_sets = {"big-bench-hard", "gsm8k-test", "mt-bench"}
    assert set(corpora) == {"gsm8k-train", "public-frames", "public-templates", "self-test", *test_sets}
    for corpus in corpora.values():
        assert corpus.origin.licence in ("MIT", "Apache-2.0", "MIT and Apache-2.0")
        assert corpus.origin.source
        assert isinstance(corpus, Corpus)
        assert corpus.chance < 1e-4


def test_the_pack_of_public_templates_holds_the_one_that_the_policy_tests_use() -> None:
    """It was made with it; when frames are cut in another way, the shipped pack has to be made anew."""
    template = (ROOT / "tests" / "traffic" / "public-template.txt").read_text().strip()
    pack = read_corpora(ROOT)[0]["public-frames"]
    assert isinstance(pack, Corpus)
    assert pack.origin.of == "frames"
    assert set(pack.found(pieces(template))) == pieces(template)


# --- references ----------------------------------------------------------------------------------------


def week(home: Path, customers: int = 24) -> str:
    """Recorded traffic of so many customers, and one attack."""
    rows = [
        {"ts": at, "principal": f"key-{who}", "request": chat(f"Item {at}{'?' * (who % 3)}")}
        for at in range(44)
        for who in range(customers)
    ]
    rows.append({"ts": 99, "principal": "key-0", "truth": "attack:x", "request": chat("x")})
    (home / "week.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(home / "week.jsonl")


def test_a_reference_is_made_of_traffic_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "own-week.corpus"
    assert main(["corpus", "reference", week(tmp_path), "-o", str(made), "--quiet"]) == 0
    said = capsys.readouterr()
    assert "1 lines left out whose truth is an attack" in said.err
    assert "own-week: honest traffic, content " in said.out
    assert "24 customers, 1,056 requests" in said.out
    assert "had they been new" in said.out
    assert b"Item" not in made.read_bytes()
    assert isinstance(read_corpora(tmp_path)[0]["own-week"], Reference)


def test_too_little_traffic_makes_no_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["corpus", "reference", week(tmp_path, 3), "-o", str(tmp_path / "x.corpus"), "--quiet"]
    assert main(asked) == 2
    assert "3 customers sent 40 requests or more: 20 are needed" in capsys.readouterr().err
    assert main([*asked[:4], str(tmp_path / "x.txt")]) == 2
    assert "a pack's name ends in .corpus" in capsys.readouterr().err

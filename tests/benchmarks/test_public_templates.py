"""The check of public templates, on collections of a few lines."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from benchmarks.public_templates import CONTENTS, PACK, contents, filled, linked, main, reworded
from gateway.corpora import decode
from tests.campaigns.support import FRAME, words

OURS = (Path(__file__).parents[2] / "policies" / "tests" / "traffic" / "public-template.txt").read_text()


def write(data: Path, name: str, prompts: list[str]) -> None:
    file = data / "prompts" / f"{name}.jsonl.gz"
    file.parent.mkdir(exist_ok=True)
    lines = [json.dumps({"source": f"house-{at}", "prompt": text}) for at, text in enumerate(prompts)]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    source = random.Random(4)
    for name in CONTENTS.values():
        tail = "。" if name == CONTENTS["Chinese"] else "."
        sign = "客" if tail == "。" else ""
        write(tmp_path, name, [f"{words(source)}{sign}{tail}" for _ in range(600)])
    write(tmp_path, "benign_templates", [OURS, "Name the shop that sells {thing}, please"])
    write(tmp_path, "distill_templates", [FRAME.replace("{}", "{item}")])
    return tmp_path


def test_known_templates_link_nobody_and_all_others_do(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(data), "--every", "2"]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.split()[-9:] for row in rows] == [
        ["1", "of", "1"] * 3 if at != 1 else ["0", "of", "1"] * 3 for at in range(6)
    ]
    assert rows[1].startswith("public templates, the shipped pack  ")


def test_the_contents_are_those_of_the_language_asked_for(data: Path) -> None:
    write(data, CONTENTS["Chinese"], ["An English one.", "客人的问题。"])
    assert contents(data, "Chinese") == ["客人的问题。"]
    assert len(contents(data, "questions")) == 600


def test_contents_go_into_slots_or_below_and_statements_are_carried_out() -> None:
    assert filled("{% if x %}Say {a} and {b}{% endif %}", iter("12")) == "Say 1 and 2"
    assert filled("Say it", iter("12")) == "Say it\n\n1"


def test_every_fifth_word_of_a_template_becomes_another() -> None:
    assert reworded("One two {three} four, five six") == "One two {three} four, five xis"


def test_only_half_of_all_customers_make_a_template_linked() -> None:
    source = random.Random(4)
    many = [words(source) for _ in range(700)]
    pack = decode(PACK.read_bytes())
    assert linked(OURS, many, None)
    assert not linked(OURS, many, pack)
    assert not linked(OURS, ["always the same note"], None)

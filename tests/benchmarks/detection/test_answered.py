"""Traffic with recorded answers: shown answers are those of the recording, and all ways are there."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.detection.answered import KEYS, REQUESTS, WAYS, main
from gateway.readers.base import Line
from gateway.traffic import discover, merged, survey
from tests.benchmarks.detection.test_slots import corpora

LONG = "A long text about the history of the lighthouse and of the people who kept it burning. " * 4


def _message(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("data")
    (home / "prompts").mkdir()
    corpora(home / "prompts")
    for name in ("alpaca_52k", "sharegpt", "review_texts"):
        rows = [{"prompt": f"{n} {LONG}", "response": f"{n} {LONG}"} for n in range(50)]
        with gzip.open(home / "prompts" / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    first = [_message("user", "Who are you?")]
    then = [*first, _message("assistant", "A keeper."), _message("user", "Of what?")]
    (home / "traffic" / "week").mkdir(parents=True)
    lines = [
        {"ts": at, "principal": "p", "truth": "benign:chat", "request": {"messages": messages}}
        for at, messages in enumerate((first, then))
    ]
    (home / "traffic" / "week" / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main([str(home), str(home / "out")]) == 0
    return home / "out"


def _lines(made: Path, name: str) -> list[Line]:
    return list(merged(survey(discover([made / "traffic" / name]))))


def _answer(line: Line) -> Any:
    assert line.answer is not None
    return json.loads(line.answer)["choices"][0]["message"]["content"]


def test_an_answer_is_shown_by_the_history_of_a_later_request(made: Path) -> None:
    first, then = _lines(made, "shown")
    assert _answer(first) == "A keeper."
    assert then.answer is None


def test_every_way_has_its_principals_and_all_their_answers(made: Path) -> None:
    lines = _lines(made, "chains")
    assert {line.truth for line in lines} == set(WAYS)
    assert len({line.principal for line in lines}) == KEYS * len(WAYS)
    assert len(lines) >= REQUESTS * KEYS * len(WAYS)
    assert all(_answer(line) for line in lines)

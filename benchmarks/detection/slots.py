"""Public frameworks' prompt templates, made ready to be filled, and what fills them.

A framework keeps its prompts as pieces: the frame with slots in one notation or another, rules and examples
apart. Here they are put together and their slots named by what belongs into them. Hostile templates are
filled with public instructions and with what people asked in chats, honest ones with the latter and with
what people asked a search engine; documents are the same. Reads the corpora of DATA/prompts; who sends what
when is `benchmarks.detection.heldout`'s business.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]
SLOT = re.compile(r"\{\{\s*([A-Za-z_][^{}]*)\}\}|\{([A-Za-z_][\w.\[\]']*)\}")
_CONTROL = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
LEAST = 120
"""Characters of a template: what is shorter is a fragment of one."""
LONGEST = 1600
"""Characters of a document in a slot."""
_MEANING: tuple[tuple[str, str], ...] = (
    # In this order: `seed_question` is a question, `icl_document` a document.
    (r"doc|text|context|passage|article|content|page|code|snippet|chunk|paragraph|observation|summar", "doc"),
    (r"second|_b\b|rejected|completion_2|response_2|candidate_2", "b"),
    (r"answer|response|completion|output|prediction|result|generation|pairs|reply|solution", "a"),
    (r"topic|subject|theme|persona|character|name|domain|title|entity|skill|section|unit|avoid", "topic"),
    (r"seed|example|icl|shots|demonstration", "seeds"),
    (r"num|count|size|batch|\bn\b|\bk\b|flesch|year|threshold|words?_count", "n"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Template:
    """One prompt with slots, of one framework or author."""

    name: str
    family: str
    """Templates of one family are never parted between the halves."""
    text: str
    system: str = ""


@dataclass(frozen=True, slots=True)
class Fill:
    """The corpora that slots are filled from."""

    docs: Sequence[str]
    tasks: Sequence[tuple[str, str]]
    """(task, an answer to it)"""
    said: Sequence[str]
    problems: Sequence[str]

    def values(self, dice: random.Random) -> Callable[[str], str]:
        """What one prompt's slots hold; a slot that stands twice has one value."""
        task, answer = dice.choice(self.tasks)
        other = dice.choice(self.tasks)[1]
        doc = dice.choice(self.docs)
        made = {
            "doc": doc[:LONGEST], "task": task, "a": answer, "b": f"{answer.split('.')[0]}. {other}",
            "topic": " ".join(dice.choice(self.docs).split()[:4]), "said": dice.choice(self.said),
            "seeds": "\n".join(dice.choice(self.tasks)[0] for _ in range(5)),
            "n": str(dice.choice((3, 5, 10, 20))), "problem": dice.choice(self.problems),
        }  # fmt: skip
        return made.__getitem__


def rows(prompts: Path, name: str) -> Iterator[Row]:
    """The rows of one corpus."""
    with gzip.open(prompts / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def fills(prompts: Path) -> dict[str, Fill]:
    """What stands in the slots of `attack`, `reasoning` (an attack on problems) and `benign` templates."""
    passages = list(rows(prompts, "clapnq_dev"))
    docs = [row["contexts"][0] for row in passages if row.get("contexts")]
    docs += [row["prompt"] for row in rows(prompts, "state_union_paragraphs") if len(row["prompt"]) > 300]
    chats = [row for row in rows(prompts, "sharegpt") if row["turn"] == 0]
    people = _answered(chats) + _answered(passages)
    said = [row["prompt"] for row in rows(prompts, "sgd_dialogues")]
    problems = _answered(rows(prompts, "gsm8k_train"))
    asked = [problem for problem, _ in problems]
    tasks = _answered(rows(prompts, "alpaca_52k")) + _answered(chats)
    return {
        "attack": Fill(docs, tasks, said, asked),
        "reasoning": Fill(docs, problems, said, asked),
        "benign": Fill(docs, people, said, asked),
    }


def _answered(found: Iterable[Row]) -> list[tuple[str, str]]:
    """Tasks with their answers, where there is one."""
    pairs = ((row["prompt"], row.get("response") or "") for row in found)
    return [(task[:LONGEST], answer[:LONGEST]) for task, answer in pairs if answer]


def slot(name: str) -> str:
    """What belongs into a slot of this name; a task where nothing else is said."""
    lowered = name.strip().lower()
    return next((kind for pattern, kind in _MEANING if re.search(pattern, lowered)), "task")


def named(text: str) -> str:
    """A template with its slots in our notation; doubled braces of the text itself become single ones."""
    plain = SLOT.sub(lambda found: f"\0{slot(found.group(1) or found.group(2))}\1", _CONTROL.sub("", text))
    plain = plain.replace("{{", "{").replace("}}", "}").replace("{", "{{").replace("}", "}}")
    return plain.replace("\0", "{").replace("\1", "}").strip()


def framework_templates(
    prompts: Path, corpus: str, kinds: Mapping[str, str], refuse: Callable[[Row], bool]
) -> Iterator[tuple[str, Template]]:
    """(scenario, template) of the kinds asked for; pieces of one file are put together."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows(prompts, corpus):
        if row["kind"] in kinds and not refuse(row):
            pieces = "instructlab" in row["source"] or "augmentoolkit" in row["source"]
            apart = "" if pieces else str(hash_of(row["prompt"]))
            groups.setdefault((row["source"], row["path"], apart), []).append(row)
    for (source, path, apart), found in groups.items():
        text = named("\n\n".join(row["prompt"] for row in found))
        if len(text) < LEAST:
            continue
        kind = found[0]["kind"]
        if not re.search(r"(?<!\{)\{(?:doc|task|a|b|topic|seeds|said)\}", text):
            text += "\n\n{doc}" if kind in ("qa-generation", "textbook-generation") else "\n\n{task}"
        yield kinds[kind], Template(f"{Path(path).name}{apart[:4]}", source, text)


def hash_of(text: str) -> int:
    """A number that is the text's own in every run."""
    return random.Random(text).getrandbits(32)

"""Frameworks' templates are understood, and the corpora that fill them are small ones of our own."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from benchmarks.detection.slots import fills, framework_templates, named, slot


def corpora(home: Path) -> Path:
    """Every corpus that the maker reads, with a few rows each."""
    task = [
        {"prompt": f"Name a thing of kind {n}.", "response": f"Thing {n}. It is good."} for n in range(100)
    ]
    chat = [{**row, "turn": 0} for row in task]
    template = {"source": "us/ours", "path": "a/b.txt", "kind": "qa-generation"}
    long = "Please read the passage with care and ask about it as a teacher would. " * 2
    rows: dict[str, list[dict[str, Any]]] = {
        "clapnq_dev": [{**row, "contexts": ["A passage about tides and the moon."]} for row in task],
        "state_union_paragraphs": [{"prompt": "We the people. " * 30}],
        "sharegpt": chat,
        "sgd_dialogues": task,
        "gsm8k_train": task,
        "alpaca_52k": task,
        "benchmarks_a": task,
        "distill_templates": [
            {**template, "prompt": f"{long}{{context}}"},
            {**template, "prompt": f"{long}Answer as JSON: {{{{}}}} {{% if x %}}"},
            {**template, "prompt": "short {context}"},
            {**template, "prompt": f"{long} can only be used"},
        ],
        "benign_templates": [
            {"source": "us/theirs", "path": "c.txt", "kind": "rag-app", "prompt": f"{long}{{question}}"}
        ],
        "alpaca_eval_805": task,
        "mt_bench": task,
        "self_instruct_user_oriented": task,
        "evol_instruct": task,
        "instructionwild_user_prompts": task,
    }
    for name, own in rows.items():
        with gzip.open(home / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in own)
    return home


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("context", "doc"),
        (" seed_question ", "seeds"),
        ("icl_document", "doc"),
        ("response_2", "b"),
        ("num_samples", "n"),
        ("topic", "topic"),
        ("question", "task"),
    ],
)
def test_a_slot_is_filled_by_what_its_name_says(name: str, kind: str) -> None:
    assert slot(name) == kind


def test_both_notations_become_ours_and_braces_of_the_text_stay() -> None:
    text = named('{% if x %}Read {{ document }} and {question}; answer as {{"a": 1}}.')
    assert text.format(doc="D", task="T") == 'Read D and T; answer as {"a": 1}.'


def test_fragments_are_left_out_and_a_template_without_a_slot_gets_one(tmp_path: Path) -> None:
    kinds = {"qa-generation": "generation"}
    found = list(
        framework_templates(
            corpora(tmp_path), "distill_templates", kinds, lambda row: "only be used" in row["prompt"]
        )
    )
    assert [scenario for scenario, _ in found] == ["generation", "generation"]
    assert all(template.text.endswith("{doc}") for _, template in found)


def test_values_of_one_prompt_are_the_same_for_the_same_dice(tmp_path: Path) -> None:
    filled = fills(corpora(tmp_path))
    one, two = (filled["attack"].values(random.Random(1)) for _ in range(2))
    assert [one(kind) for kind in ("doc", "task", "a", "b")] == [
        two(kind) for kind in ("doc", "task", "a", "b")
    ]

"""What the watermark's benchmark counts, on texts whose answer is known."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from benchmarks.responses import watermark as bench
from benchmarks.responses.watermark_tasks import TASKS
from gateway.marks.greenlist import Vocabulary, Word
from gateway.ring import kept_ring

NAMES = [first + second for first in "abcdefghijklmnopqrst" for second in "aeiouxyzwv"]
WORDS = bench.Table(Vocabulary([Word(name, place, 5) for place, name in enumerate(NAMES)]))


@pytest.fixture
def keys(tmp_path: Path) -> bench.Keys:
    kept_ring(tmp_path / "ring.json")
    return bench.Keys(tmp_path)


def said(seed: int, key: bytes | None, lean: float = 0.75) -> list[str]:
    """Three texts of 200 random words that go with a key, or with none."""
    source = random.Random(seed)
    coins = [source.randint(0, 1) for _ in WORDS.pairs] if key is None else WORDS.coins(key)

    def word() -> str:
        at = source.randrange(len(WORDS.pairs))
        return WORDS.pairs[at][coins[at] ^ (source.random() > (0.5 if key is None else lean))].text

    return ["x " + " ".join(word() for _ in range(200)) for _ in range(3)]


def test_the_right_key_is_first_among_all_and_less_so_in_less_text(keys: bench.Keys) -> None:
    rows = [
        {"number": seed, "key": f"sk-{seed}", "texts": said(seed, keys.of(f"sk-{seed}"))} for seed in range(4)
    ]
    found = {row["what"]: row for row in bench.attribution(rows, WORDS, keys, NAMES)}
    whole, quarter = found["2,400 tokens"], found["600 tokens"]
    assert (whole["first"], whole["of"]) == (4, 4)
    assert whole["expected"] > 0.99
    assert whole["median_p"] < quarter["median_p"]
    half_gone = found["2,400 tokens, 50 % of words replaced"]
    assert (
        whole["median_p"] < found["2,400 tokens, 30 % of words replaced"]["median_p"] < half_gone["median_p"]
    )


def test_texts_without_a_mark_are_accused_at_the_nominal_rate(keys: bench.Keys) -> None:
    keys.others = keys.others[:200]
    found = bench.false_attributions((said(seed, None) for seed in range(50)), WORDS, keys)
    assert (found["samples"], found["keys"]) == (50, 200)
    seen, expected = found["alone"]["0.001"]
    assert expected == pytest.approx(10)
    assert seen <= 10 + 5 * 10**0.5
    assert found["any"]["1e-06"][0] == 0


def test_repetition_is_the_share_of_grams_that_came_before_in_the_same_answer() -> None:
    assert bench.repetition(["a b c a b c"]) == 0.25
    assert bench.repetition(["a b c", "a b c"]) == 0.0
    assert bench.repetition([""]) == 0.0


def test_tasks_won_and_lost_are_compared_one_by_one() -> None:
    rights = {"marked": [True, False, True, True], "clean": [True, True, False, False]}
    tasks = [
        {"number": number, "kind": kind, "right": right}
        for kind, found in rights.items()
        for number, right in enumerate(found)
    ]
    found = bench.cost([{"kind": "clean", "texts": ["a b c"]}], tasks)
    assert (found["right_marked"], found["right_clean"], found["tasks"]) == (3, 2, 4)
    assert (found["lost"], found["won"], found["mcnemar_p"]) == (1, 2, 1.0)
    assert (found["repetition_clean"], found["repetition_marked"]) == ([0.0], [])


def test_a_right_answer_is_told_from_a_wrong_one() -> None:
    sums, capital = TASKS[0], next(task for task in TASKS if "France" in task.question)
    assert sums.question == "What is 2 + 2?"
    assert [sums.right(text) for text in ("2 + 2 = 4", "2 + 2 = 5", "4")] == [True, False, False]
    assert capital.right("It is Paris.")
    assert not capital.right("It is Lyon.")
    assert all(task.body()["max_tokens"] >= 16 for task in TASKS)


def test_unmarked_samples_have_enough_words(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    for source in ("sharegpt", "alpaca_52k", "alpaca_eval_805", "clapnq_dev", "review_texts", "gsm8k_train"):
        rows = [
            {"prompt": "word " * 50, "response": "word " * 100 if number else None} for number in range(6)
        ]
        with gzip.open(tmp_path / "prompts" / f"{source}.jsonl.gz", "wt") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
    samples = list(bench.unmarked_texts(tmp_path))
    assert [sum(len(text.split()) for text in texts) for texts in samples] == [350, 300] * 6

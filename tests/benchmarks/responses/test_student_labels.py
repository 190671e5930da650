"""The student of labels: ridge regression on hashed words."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks.responses import student_labels as labels

WORDS = ("good", "fine", "warm", "bad", "dull", "cold", "film", "plot", "scene", "actor")
WORTH = dict(zip(WORDS, (3, 2, 1, -3, -2, -1, 0, 0, 0, 0), strict=True))


def reviews(count: int, seed: int) -> tuple[list[str], list[float]]:
    """Texts of five words, and what each is worth."""
    chance = random.Random(seed)
    said = [chance.choices(WORDS, k=5) for _ in range(count)]
    return [" ".join(text) for text in said], [sum(WORTH[word] for word in text) + 0.1 for text in said]


def test_features_are_of_length_one_and_know_the_order_of_words() -> None:
    found = labels.features(["a good film", "film good a", "", "A GOOD film"])
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1, 0, 1])
    assert (found[0] == found[3]).all()
    assert (found[0] != found[1]).any()


def test_the_closed_form_chooses_the_penalty_that_leaving_one_out_by_hand_would_choose() -> None:
    texts, worth = reviews(12, 1)
    seen, targets = labels.features(texts), np.array(worth)

    def weights(penalty: float, rows: list[int]) -> labels.Vector:
        part, rest = seen[rows], targets[rows] - targets.mean()
        return part.T @ np.linalg.solve(part @ part.T + penalty * np.eye(len(rows)), rest)

    def error(penalty: float) -> float:
        lost = 0.0
        for out in range(12):
            found = weights(penalty, [row for row in range(12) if row != out])
            lost += float(targets[out] - targets.mean() - seen[out] @ found) ** 2
        return lost

    best = min((10.0**power for power in range(-2, 4)), key=error)
    expected = seen @ weights(best, list(range(12))) + targets.mean()
    assert labels.Student(seen, targets).judge(seen) == pytest.approx(expected)


def test_log_odds_teach_more_than_labels_alone() -> None:
    texts, worth = reviews(60, 1)
    exam, truth = reviews(400, 2)
    seen, asked = labels.features(texts), labels.features(exam)
    soft = labels.agreement(labels.Student(seen, np.array(worth)).judge(asked), truth)
    hard = labels.agreement(labels.Student(seen, np.sign(worth)).judge(asked), truth)
    assert soft > hard > 0.7


def test_agreement_is_on_signs_alone() -> None:
    assert labels.agreement([1, -1, 0, 2], [0.1, -3, 5, -1]) == 0.5

"""A student that learns the teacher's judgement of short texts: ridge regression on hashed words.

What belongs here is the student and how it is judged, without a server. It learns the log-odds of two labels:
exact ones, rounded ones, or those that a few said labels make likely. It stands for students that are trained
on soft labels, and is small enough to be trained hundreds of times in a second.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

WIDTH = 4096
"""Features; words and pairs of words fall on them by their hash."""
_PENALTIES = tuple(10.0**power for power in range(-2, 4))
_WORD = re.compile(r"[\w']+")

Vector = Any
"""A NumPy array of floats."""


def features(texts: Sequence[str]) -> Vector:
    """Texts by features: each row of length 1, of words and of pairs of neighbours."""
    found = np.zeros((len(texts), WIDTH))
    for row, text in enumerate(texts):
        words = _WORD.findall(text.lower())
        for gram in [*words, *map(" ".join, pairwise(words))]:
            code = zlib.crc32(gram.encode())
            found[row, code % WIDTH] += 1 if code >> 31 else -1
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


class Student:
    """Ridge regression; how much it is held back it finds out by leaving out one example at a time."""

    def __init__(self, seen: Vector, targets: Vector) -> None:
        """`seen`: examples by features; `targets`: log-odds."""
        self._middle = float(np.mean(targets))
        rest = np.asarray(targets) - self._middle
        values, vectors = np.linalg.eigh(seen @ seen.T)
        turned = vectors.T @ rest
        best = np.inf
        for penalty in _PENALTIES:
            shrunk = 1 / (np.maximum(values, 0) + penalty)
            weights = vectors @ (shrunk * turned)
            # Leave-one-out error of ridge regression in closed form (Allen's PRESS statistic).
            error = float(np.mean((weights / np.einsum("ij,j,ij->i", vectors, shrunk, vectors)) ** 2))
            if error < best:
                best, self._weights = error, seen.T @ weights

    def judge(self, seen: Vector) -> Vector:
        """The log-odds it believes in."""
        return seen @ self._weights + self._middle


def agreement(first: Vector, second: Vector) -> float:
    """The share of examples on whose label two agree."""
    return float(np.mean((np.asarray(first) > 0) == (np.asarray(second) > 0)))

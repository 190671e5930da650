"""What a set of logits says about the model they come from: its width, and whether a vector is of it.

Pure linear algebra over arrays; where the numbers come from is the business of `logprobs_attacks`. Logits are
a product of hidden states and one unembedding matrix, so however many tokens and prompts are looked at, their
rank is the hidden width (Carlini et al. 2024, arXiv 2403.06634), and the space they lie in is the model's own
(Finlayson et al. 2024, arXiv 2403.09539).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np

Matrix: TypeAlias = Any
"""An array of floats; a vector where one row is meant. NumPy is not where types are checked."""

CLEAR = 3.0
"""A drop from one singular value to the next that counts as found. Exact logits drop by hundreds."""
HEAD, TAIL = 8, 4
"""Singular values passed over: the first few of any text model lie far apart, and so may the last."""


@dataclass(frozen=True, slots=True)
class Width:
    """Where the singular values drop most. `found` is None where no drop is clear."""

    found: int | None
    drop: float


def width(logits: Matrix) -> Width:
    """The hidden width from prompts by tokens; log-probabilities do as well, NaN is "not known".

    Prompts with any unknown value are left out. What is common to a row (the normaliser) goes with its mean,
    which is linear in the hidden state too and so adds no rank.
    """
    known = logits[~np.isnan(logits).any(axis=1)]
    if min(known.shape) <= HEAD + TAIL:
        return Width(None, 1.0)
    values = np.linalg.svd(known - known.mean(axis=1, keepdims=True), compute_uv=False)
    floor = values[0] * np.finfo(np.float64).eps
    drops = np.maximum(values[:-1], floor) / np.maximum(values[1:], floor)
    inside = drops[HEAD : len(drops) - TAIL]
    place = int(inside.argmax())
    drop = float(inside[place])
    return Width(HEAD + place + 1 if drop >= CLEAR else None, drop)


def image(logits: Matrix, rank: int) -> Matrix:
    """The space of a model's logits: `rank` orthonormal rows."""
    return np.linalg.svd(logits - logits.mean(axis=1, keepdims=True), full_matrices=False)[2][:rank]


def residual(space: Matrix, vector: Matrix) -> float:
    """The share of `vector` outside an image: 0 of this model, about 1 of a stranger."""
    centred = vector - vector.mean()
    return float(np.linalg.norm(centred - space.T @ (space @ centred)) / np.linalg.norm(centred))


def ranks(logits: Matrix) -> Matrix:
    """Each row as its order alone says it: the normal score of each value's rank."""
    places = logits.argsort(axis=1).argsort(axis=1)
    bell = NormalDist()
    n = logits.shape[1]
    scores = np.array([bell.inv_cdf((place + 0.5) / n) for place in range(n)])
    return scores[places]


def sampled(logits: Matrix, reference: int, draws: int, temperature: float, seed: int) -> Matrix:
    """Differences to the token `reference` as counted in `draws` answers per pair left by a mask.

    Half a count is added on both sides, so that a token never seen has a finite estimate.
    """
    generator = np.random.default_rng(seed)
    distance = (logits - logits[:, [reference]]) / temperature
    share = 1 / (1 + np.exp(-np.clip(distance, -500, 500)))
    hits = generator.binomial(draws, share)
    return np.log((hits + 0.5) / (draws - hits + 0.5)) * temperature

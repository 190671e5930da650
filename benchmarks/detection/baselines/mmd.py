"""The two-sample test (2606.05725): is a key's last window of prompts drawn as honest prompts are?

Maximum mean discrepancy under a Gaussian kernel, whose width is the median distance of the reference, by
random Fourier features: the squared distance between the window's mean feature and the reference's. The
reference are requests of honest principals, each with the same weight, of the half that is not judged. A key
with fewer requests than the window is never judged: that is the method's own limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.detection.accounts import Accounts
from benchmarks.detection.baselines import SILENT, Baseline
from benchmarks.detection.corpus import FOLDS
from benchmarks.detection.features import Vectors

FEATURES = 512
EACH = 20
"""Requests of one honest principal in the reference."""
SEED = 7


@dataclass(frozen=True, slots=True)
class Kernel:
    """A Gaussian kernel as random features, and where the reference stands in them."""

    directions: Any
    offsets: Any
    reference: Any

    def features(self, rows: Any) -> Any:
        """One row of features a request."""
        return np.cos(rows @ self.directions + self.offsets) * np.sqrt(2.0 / FEATURES)


def baselines(accounts: Accounts, vectors: Vectors, windows: Iterable[int], of: str) -> list[Baseline]:
    """One per window; `of` names what the vectors are."""

    kernels = [_kernel(accounts, vectors, fold) for fold in range(FOLDS)]
    scores: dict[int, dict[str, Any]] = {window: {} for window in windows}
    for name, rows in vectors.items():
        kernel = kernels[accounts[name].role.fold]
        sums = running(kernel, rows)
        for window, own in scores.items():
            own[name] = discrepancies(kernel, sums, window)
    return [
        Baseline(f"MMD {window:,} ({of})", f"two-sample test on {of}, window {window:,}", own)
        for window, own in scores.items()
    ]


def _kernel(accounts: Accounts, vectors: Vectors, fold: int) -> Kernel:
    names = [name for name in vectors if accounts[name].role.benign and accounts[name].role.fold != fold]
    return make_kernel([vectors[name] for name in names])


def make_kernel(honest: list[Any]) -> Kernel:
    """The kernel over the honest principals' rows."""
    dice = np.random.default_rng(SEED)
    chosen = [rows[dice.permutation(len(rows))[:EACH]] for rows in honest]
    sample = np.concatenate(chosen)
    weights = np.concatenate([np.full(len(rows), 1.0 / (len(rows) * len(chosen))) for rows in chosen])
    some = sample[dice.permutation(len(sample))[:500]]
    squares = np.maximum(2.0 - 2.0 * some @ some.T, 0.0)
    width = np.sqrt(np.median(squares[np.triu_indices(len(some), 1)])) or 1.0
    directions = (dice.normal(size=(sample.shape[1], FEATURES)) / width).astype(np.float32)
    offsets = dice.uniform(0.0, 2.0 * np.pi, FEATURES).astype(np.float32)
    made = Kernel(directions, offsets, None)
    return Kernel(directions, offsets, weights @ made.features(sample))


def running(kernel: Kernel, rows: Any) -> Any:
    """Running sums of the features, from a row of zeros on."""
    return np.concatenate(
        [np.zeros((1, FEATURES)), np.cumsum(kernel.features(rows), axis=0, dtype=np.float64)]
    )


def discrepancies(kernel: Kernel, sums: Any, window: int) -> Any:
    """The squared discrepancy of the window that ends with each request; judged ten times a window."""
    requests = len(sums) - 1
    scores = np.full(requests, SILENT)
    step = max(1, window // 10)
    for at in range(window, requests + 1, step):
        mean = (sums[at] - sums[at - window]) / window
        scores[at - 1 : at - 1 + step] = float(np.sum((mean - kernel.reference) ** 2))
    return scores

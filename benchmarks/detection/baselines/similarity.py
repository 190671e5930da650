"""PRADA and SEAT, adapted from images to prompts: both look at how near a key's requests are to each other.

PRADA (Juuti et al., 2019) tests whether the distances from each query to the nearest one before it look
normally distributed, as natural queries' do, by Shapiro and Wilk's W; SEAT (Zhang et al., 2021) counts pairs
of queries that are nearly the same. Adapted: distances are those of hashed word vectors instead of pixels
and a trained encoder, and only the last `MEMORY` requests of a key are compared with, so that a busy key
costs no more than others. PRADA's growing set per predicted class has no counterpart where answers have no
class, so all requests of a key are one class.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.stats import shapiro

from benchmarks.detection.baselines import SILENT, Baseline
from benchmarks.detection.features import Vectors

MEMORY = 1000
LEAST, EVERY = 50, 20
"""PRADA speaks from so many distances on, and again after so many more."""
TWIN = 0.8
"""Cosine from which SEAT counts a pair."""
_CHUNK = 256


def baselines(vectors: Vectors) -> list[Baseline]:
    """Both."""
    nearest = {name: similarities(rows) for name, rows in vectors.items()}
    return [
        Baseline(
            "PRADA (adapted)",
            "how far the distances to the nearest earlier request are from a normal distribution",
            {name: prada(1.0 - best) for name, (best, _) in nearest.items()},
        ),
        Baseline(
            "SEAT (adapted)",
            f"pairs of requests with a cosine of {TWIN} or more",
            {name: np.cumsum(pairs, dtype=np.float64) for name, (_, pairs) in nearest.items()},
        ),
    ]


def similarities(rows: Any) -> tuple[Any, Any]:
    """For each request: the cosine of the nearest earlier one (-1 of the first), and its number of twins."""
    best = np.full(len(rows), -1.0, np.float32)
    twins = np.zeros(len(rows), np.int64)
    for at in range(0, len(rows), _CHUNK):
        ends = min(at + _CHUNK, len(rows))
        begins = max(0, at - MEMORY)
        cosines = rows[at:ends] @ rows[begins:ends].T
        # A request is compared with those before it: what stands on or right of its own place is not.
        own = np.arange(at, ends)[:, None]
        other = np.arange(begins, ends)[None, :]
        cosines[other >= own] = -1.0
        best[at:ends] = cosines.max(axis=1)
        twins[at:ends] = (cosines >= TWIN).sum(axis=1)
    return best, twins


def prada(distances: Any) -> Any:
    """1 - W over all distances so far, those beyond three deviations left out; higher is less natural."""
    scores = np.full(len(distances), SILENT)
    for at in range(LEAST, len(distances) + 1, EVERY):
        seen = distances[1:at]
        middle, spread = seen.mean(), seen.std()
        kept = seen[np.abs(seen - middle) <= 3 * spread] if spread else seen
        scores[at - 1 : at - 1 + EVERY] = 1.0 - _shapiro(kept[-5000:])
    return scores


def _shapiro(values: Any) -> float:
    if np.ptp(values) == 0:
        # All equal: as far from normal as can be, where the test itself is not defined.
        return 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that p may be inaccurate; it is not used
        return float(shapiro(values).statistic)

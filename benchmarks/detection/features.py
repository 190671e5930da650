"""What the baselines see of a request: its newest turn, as text and as a hashed vector.

The replayed history is left out, as it is by the gateway: it would make every long chat look like itself.
Vectors are word 1- and 2-grams hashed to 512 signed places and scaled to length one, a kilobyte a request;
texts are cut at a length that holds the instruction of all but a few prompts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

from gateway.model import Call

LONGEST = 1000
"""Characters kept of a turn."""
PLACES = 512
_BATCH = 512
_HASHED = HashingVectorizer(
    n_features=PLACES,
    ngram_range=(1, 2),
    token_pattern=r"(?u)\b\w+\b",  # noqa: S106  a pattern of words, not a password
)

Vectors = Mapping[str, Any]
"""By principal: an array of one row a request."""


def newest(call: Call) -> str:
    """The last turn that the client wrote or brought along."""
    said = (turn.text for turn in reversed(call.turns) if turn.role in ("user", "tool"))
    return next(said, "")[:LONGEST]


@dataclass(slots=True)
class Studied:
    """Texts of all principals in the order of their requests."""

    texts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _made: dict[str, Any] = field(default_factory=dict)

    def add(self, principal: str, call: Call) -> None:
        """One more request."""
        self.texts[principal].append(newest(call))

    def vectors(self, names: Iterable[str]) -> dict[str, Any]:
        """The hashed vectors of these principals, whose requests have all been added; made once."""
        wanted = list(names)
        for name in wanted:
            if name not in self._made:
                self._made[name] = hashed(self.texts[name])
        return {name: self._made[name] for name in wanted}


def hashed(texts: Iterable[str]) -> Any:
    """One row of length one (or zero, for a text without words) a text."""
    listed = list(texts)
    rows = [
        _HASHED.transform(listed[at : at + _BATCH]).toarray().astype(np.float32)
        for at in range(0, len(listed), _BATCH)
    ]
    return np.concatenate(rows) if rows else np.zeros((0, PLACES), np.float32)

"""Signals of content: few skeletons with ever-new slots, near-duplicates, one prompt like the last.

The unit is a sketch: the 32 smallest hashes of a prompt's word 3-shingles (bottom-k MinHash, Broder
1997), of which a principal's last 32 are kept. A shingle that stands in several of them is skeleton,
the rest of a prompt is slot; hence no text is stored, and state is 4 KiB whatever the traffic.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Literal
from zlib import crc32

from pydantic import Field

from gateway.fields import Facts
from gateway.model import Measure, Op, Reading, Recent, Sum
from gateway.signals.base import Context, Detector, Options, fingerprint
from gateway.units import Window

SKETCH = 32
"""Hashes per prompt: the standard error of a similarity of 0.5 is 0.09."""
KEPT = 32
"""Prompts remembered."""
TOKENS = 1024
"""Words read of one prompt: the first and last half of these. A 2 KB prompt has about 350."""
NEAR = 0.7
"""Similarity from which a prompt is a near-duplicate of an earlier one."""
SKELETON = 0.2
"""Share of a prompt's shingles that must recur for it to have a skeleton."""
RECURS = 3
"""Earlier prompts that a shingle must stand in to be skeleton: two may be chance or a retry."""
NEW_SLOT = 0.1
"""Share of a prompt's shingles that must be new for its slot to be new."""

# One token per word, and per character where a script writes none between words (CJK, kana, Thai).
_TOKEN = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\d_]+|\d+")
_DIGITS = re.compile(rb"0+")
# ASCII text, nine tenths of all, takes a path of C speed: letters stay, digits become 0, the rest a space.
_ASCII = bytes(
    ord("0") if chr(i).isdigit() else i if chr(i).isalpha() else ord(" ") for i in range(128)
) + bytes(128)


def tokens(text: str) -> list[bytes]:
    """The words of `text` in lower case; every number is `0`."""
    if text.isascii():
        return _DIGITS.sub(b" 0 ", text.lower().encode().translate(_ASCII)).split()
    words = _TOKEN.findall(text.casefold())
    return [b"0" if word[0].isdigit() else word.encode("utf-8", "surrogatepass") for word in words]


def sketch(text: str) -> tuple[int, ...]:
    """The smallest 32-bit hashes of the word 3-shingles of `text`, in order; never 0."""
    words = tokens(text)
    if len(words) > TOKENS:
        words = words[: TOKENS // 2] + words[-TOKENS // 2 :]
    ids = list(map(crc32, words))
    # The hash of a tuple of integers is the same in every process, unlike that of text, and C throughout.
    triples = zip(ids, ids[1:], ids[2:], strict=False) if len(ids) > 2 else filter(None, (tuple(ids),))
    shingles = set(map(hash, triples))
    return tuple((shingle >> 32) or 1 for shingle in sorted(shingles)[:SKETCH])


def similarity(one: Sequence[int], other: Sequence[int]) -> float:
    """Estimated Jaccard similarity of two sketches."""
    a, b = set(one), set(other)
    if not a or not b:
        return 0.0
    union = sorted(a | b)[:SKETCH]
    return len(a.intersection(b).intersection(union)) / len(union)


def _pack(hashes: Sequence[int]) -> bytes:
    # Zero fills the row: no sketch holds it.
    return array("i", (*hashes, *([0] * (SKETCH - len(hashes))))).tobytes()


def observe(own: Sequence[int], earlier: bytes) -> tuple[float, float, float]:
    """(template with a new slot, near-duplicate, similarity to the previous prompt) for one prompt.

    `earlier` are packed sketches, the latest last. The first two are 0 or 1, the third 0…1.
    """
    if not own or not earlier:
        return (0.0, 0.0, 0.0)
    mine = set(own)
    rows = [memoryview(earlier)[at : at + 4 * SKETCH].cast("i") for at in range(0, len(earlier), 4 * SKETCH)]
    shared = [mine.intersection(row) for row in rows]
    seen = Counter(chain.from_iterable(shared))
    recurring = sum(1 for count in seen.values() if count >= RECURS)
    new = len(own) - len(seen)
    sweep = recurring >= SKELETON * len(own) and new >= NEW_SLOT * len(own)
    # The cheap bound first: of a union at least as long as either, NEAR must be shared.
    near = any(
        len(common) >= NEAR * len(own) and similarity(own, _filled(row)) >= NEAR
        for row, common in zip(rows, shared, strict=True)
    )
    return (float(sweep), float(near), similarity(own, _filled(rows[-1])))


def _filled(row: Iterable[int]) -> list[int]:
    return [item for item in row if item]


class DiversityOptions(Options):
    """Which measure of content, over which window, and from how many prompts on."""

    metric: Literal["sweep", "near_duplicate_share", "consecutive_similarity"]
    """What of the prompts is compared."""
    over: Window
    """The window: 6h."""
    min: int = Field(ge=1)
    """No verdict below so many prompts."""


class Diversity(Detector):
    """Description: how a principal's prompts relate to each other.

    `sweep`: share of prompts that repeat a skeleton with a new slot. `near_duplicate_share`: share that
    nearly repeats an earlier prompt. `consecutive_similarity`: mean similarity to the prompt before.
    Counted after the request was forwarded, so from the next call on. No verdict below `min` prompts.

    Options: `metric`, `over`, `min`.
    Example: `diversity: {metric: sweep, over: 6h, min: 100}`
    """

    name = "diversity"
    options_type = DiversityOptions
    fields = frozenset({"prompt.user"})

    def __init__(self, options: DiversityOptions, context: Context) -> None:
        self._column = ("sweep", "near_duplicate_share", "consecutive_similarity").index(options.metric)
        self._over, self._min = options.over, options.min
        self._key = fingerprint("diversity", options.over, context.population)
        self._sketches = fingerprint("sketches", context.population)
        self.reads = (Sum(self._key, self._over, (0.0,) * 4), Recent(self._sketches, KEPT, 4 * SKETCH))

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The mean of the metric over the prompts in the window."""
        n = readings[0].values[0]
        return Measure(readings[0].values[1 + self._column] / n, int(n)) if n >= self._min else None

    def study(self, facts: Facts, readings: Sequence[Reading]) -> Sequence[Op]:
        """This prompt's three observations, and its sketch for the next."""
        memo = ("sketch", self._sketches)
        if memo not in facts.memo:
            own = sketch(facts.text("user"))
            facts.memo[memo] = (own, observe(own, readings[1].data))
        own, observed = facts.memo[memo]
        if not own:
            return ()
        return (
            Sum(self._key, self._over, (1.0, *observed)),
            Recent(self._sketches, KEPT, 4 * SKETCH, data=_pack(own)),
        )

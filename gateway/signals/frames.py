"""The frame of a prompt: how it begins and how it ends, in hashes.

Whoever sends one job through many accounts writes the wrapper before or after the piece of data, because
that is where instructions go; hence the frame is the word shingles of both ends. Only the ends are read, so
a long prompt costs no more than a short one, and no text is kept. Who shares a frame with whom is the
business of `gateway.campaigns`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from zlib import crc32

from gateway.campaigns.operations import Frame
from gateway.signals.shingles import tokens

ENDS = 120
"""Characters read at each end: some twenty words, of which the outer WINDOW are the frame."""
WINDOW = 12
"""Words of each end that make the frame; a wrapper longer than that has its outer half in it."""
Piece = tuple[int, ...]
"""Words that belong together, each as 32 bits."""
SHINGLE = 4
"""Words in a shingle. Three are ordinary speech ("give me a list"), five lose the short wrappers."""
LONG = 6
"""Words in a shingle that stands for a slot: two strangers seldom write the same six."""
PAIRS = ((1, 1), (2, 1), (1, 2), (2, 2), (3, 0), (0, 2))
"""Words at the very beginning and at the very end that make a piece together: "Quick one: … Thanks!"."""
DENSE = 2
"""Scripts without spaces have a token per character, about twice as many for the same words."""
_NUMBER = crc32(b"0")
"""Every number is one token; two of them in a piece say nothing about who wrote it."""


def _dense(words: Sequence[bytes]) -> bool:
    """Whether most tokens are single characters of a script without spaces."""
    return 2 * sum(len(word) == 3 and word[0] >= 0xE0 for word in words) > len(words)


def frame(text: str) -> Frame:
    """The frame of one new user turn; an empty one for a text shorter than one shingle."""
    if len(text) > 2 * ENDS:
        text = f"{text[:ENDS]} {text[-ENDS:]}"
    words = tokens(text)
    scale = DENSE if not text.isascii() and _dense(words) else 1
    size, window = SHINGLE * scale, WINDOW * scale
    ids = tuple(map(crc32, words))
    shingles = shingled(ids, size)
    if not shingles:
        return Frame()
    count = window - size + 1
    ends = shingles if len(shingles) <= 2 * count else shingles[:count] + shingles[-count:]
    pairs = paired(ids, ids) if len(ids) > window else []
    return Frame(tuple(dict.fromkeys(hashed([*ends, *pairs]))), ids, LONG * scale)


def shingled(ids: Piece, size: int) -> list[Piece]:
    """All runs of `size` words, in their order."""
    return list(zip(*(ids[at:] for at in range(size)), strict=False))


def paired(first: Piece, last: Piece) -> list[Piece]:
    """The PAIRS of a text that begins with the words `first` and ends with `last`."""
    return [(*first[:head], *last[len(last) - tail :], head) for head, tail in PAIRS]


def hashed(pieces: Iterable[Piece]) -> list[int]:
    """Signed 64-bit hashes of those that say something. They are part of the form of packs
    (`gateway.corpora.FORMS`)."""
    # The hash of a tuple of integers is the same in every process, unlike that of text, and C throughout.
    return [hash(piece) for piece in pieces if piece.count(_NUMBER) < 2]


def opening(text: str) -> int:
    """A signed 64-bit hash of how a system prompt begins (eight words), equal where names and dates differ
    only later; 0 for none."""
    return _opening(text[:ENDS]) if text else 0


@lru_cache(1024)
def _opening(text: str) -> int:
    # System prompts come with every call.
    words = tokens(text)[: 2 * SHINGLE]
    return hash(tuple(map(crc32, words))) if words else 0

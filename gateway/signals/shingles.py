"""A prompt's words, and a sample of its word 3-shingles that is drawn the same way from every prompt.

What belongs here are the features of one text that several families share; what is done with them over
many prompts is theirs. Callers hand in the edges of a prompt (`Facts.edges`), which bounds the cost.
"""

from __future__ import annotations

import re
from zlib import crc32

FEW = 1.05
"""Bytes of UTF-8 per character below which a text is read as ASCII: German has 1.02, Russian 1.8."""
SAMPLE = 32
"""Shingles per prompt (bottom-k MinHash, Broder 1997): a share of one half has a standard error of 0.09."""

# One token per word, and per character where a script writes none between words (CJK, kana, Thai).
_TOKEN = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\d_]+|\d+")
_DIGITS = re.compile(rb"0+")
# ASCII text, nine tenths of all, takes a path of C speed: letters stay, digits become 0, the rest a space.
_TABLE = bytes(
    ord("0") if chr(i).isdigit() else i if chr(i).isalpha() else ord(" ") for i in range(128)
) + bytes(128)


def tokens(text: str) -> list[bytes]:
    """The words of `text` in lower case; every number is `0`."""
    # What is left of a text with a few accents is as good to compare, and made five times as fast.
    return _ascii(text) if text.isascii() or _nearly_ascii(text) else _unicode(text)


def spellings(text: str) -> tuple[list[bytes], list[bytes]]:
    """The words of a part of a text, as they are in one that is nearly ASCII and in any other."""
    return _ascii(text), _unicode(text)


def _ascii(text: str) -> list[bytes]:
    return _DIGITS.sub(b" 0 ", text.lower().encode("ascii", "replace").translate(_TABLE)).split()


def _unicode(text: str) -> list[bytes]:
    words = _TOKEN.findall(text.casefold())
    return [b"0" if word[0].isdigit() else word.encode("utf-8", "surrogatepass") for word in words]


def _nearly_ascii(text: str) -> bool:
    return len(text.encode("utf-8", "surrogatepass")) < FEW * len(text)


def sample(words: list[bytes]) -> tuple[int, ...]:
    """32-bit hashes of word 3-shingles: the first, the last, and of all SAMPLE with the smallest hashes.

    A frame of a few words around a long slot shows at the ends and hardly in the sample.
    """
    if not words:
        return ()
    ids = list(map(crc32, words))
    # The hash of a tuple of integers is the same in every process, unlike that of text, and C throughout.
    shingles = list(map(hash, zip(ids, ids[1:], ids[2:], strict=False))) or [hash(tuple(ids))]
    chosen = (shingles[0], shingles[-1], *_smallest(shingles))
    # The sample is chosen by the high bits, so what tells its members apart must be the others.
    return tuple([shingle & 0xFFFFFFFF for shingle in chosen])


def _smallest(shingles: list[int]) -> list[int]:
    """The SAMPLE smallest of signed 64-bit hashes in order, each once."""
    if len(shingles) > 3 * SAMPLE:
        # They are spread evenly: twice as many as are wanted lie below this, and to sort all takes longer
        # than everything else here together.
        bound = (2 * SAMPLE << 64) // len(shingles) - (1 << 63)
        few = {shingle for shingle in shingles if shingle < bound}
        if len(few) >= SAMPLE:
            return sorted(few)[:SAMPLE]
    return sorted(set(shingles))[:SAMPLE]

"""Public collections of text as compact packs of hashes: what a sentence's fingerprint is, and who holds it.

What belongs here is the fingerprint, the pack in memory and its form on disk; what it means that a prompt is
in one is the business of `gateway.signals.corpus`, and files are read by others. A pack may hold something
else than sentences, the pieces of frames (`gateway.signals.templates`): here they are numbers all the same.

**Fingerprint.** A prompt is cut into sentences, and of each only its letters count: case, spacing, quotes,
punctuation and numbers make no difference, so that a problem with other numbers is the same problem, and a
wrapper before or after a question leaves the question's own sentences as they were. A sentence that was
written anew is another one. The tokens of `gateway.signals` are not used on purpose: a pack outlives the
version that made it, so its normalisation is part of the format (`FORMS`) and may not follow a detector's.
(That of frames has to, as it is the detector's own pieces that are taken away: their form follows.)

**Pack.** The sorted fingerprints, cut to 32 bits where there are few enough, as differences (packed with
zstd), behind a JSON header that says where they come from and under which licence. The share of strange
sentences that are found by chance is the number of fingerprints over all possible ones.
"""

from __future__ import annotations

import hashlib
import struct
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate, chain
from operator import sub
from typing import Literal

import msgspec
import xxhash
import zstandard

Kind = Literal["sentences", "frames", "windows"]
"""What a pack holds: hashes of the first two; of the last it is a reference (`gateway.references`)."""
FORMS: Mapping[Kind, int] = {"sentences": 1, "frames": 1}
"""Of packs: another way to cut, reduce or hash sentences, or the pieces of frames, is another form."""
HALF = 512
"""Characters read at each end of a longer text: instructions stand before or after what they are about. With
these a prompt costs 10 µs at most (measured)."""
LETTERS = 24
"""Bytes that a sentence must have when only letters are left: shorter ones are said by everybody."""
FEW = 400_000
"""Fingerprints up to which 32 bits are enough: one strange sentence in 10,000 is found by chance."""
LARGEST = 64 << 20
"""Bytes of a pack in memory."""

_MAGIC = b"stillgate corpus\n"
_ENDS = '\n\r\t.!?:"[]{}<>'
_BREAK = ord("\n")
_TABLE = bytes(_BREAK if chr(i) in _ENDS else i for i in range(256))
_DROPPED = bytes(i for i in range(128) if not (chr(i).isalpha() or chr(i) in _ENDS))
_MARKS = (
    (b"\xe2\x80", (b"\x98", b"\x99"), b""),  # single curly quotes, which stand inside words
    (b"\xe2\x80", (b"\x9c", b"\x9d", b"\xa6"), b"\n"),  # double ones, the ellipsis
    (b"\xe3\x80", (b"\x82",), b"\n"),  # the ideographic full stop
    (b"\xef\xbc", (b"\x9f", b"\x81", b"\x9a"), b"\n"),  # full-width question mark, exclamation mark, colon
    (b"\xd8", (b"\x9f",), b"\n"),  # the Arabic question mark
    (b"\xe0\xa5", (b"\xa4",), b"\n"),  # the Devanagari full stop
)
"""The same in UTF-8 where other scripts write it, by how it begins: most texts have none of a beginning."""


def fingerprints(text: str, half: int = HALF) -> list[int]:
    """The 64-bit fingerprints of the sentences of `text` in their order, each once.

    Of a longer text `half` characters at each end are read; packs are made with the default.
    """
    if len(text) > 2 * half:
        text = f"{text[:half]}\n{text[-half:]}"
    raw = text.lower().encode("utf-8", "surrogatepass")
    if len(raw) > len(text):
        raw = _marked(raw)
    sentences = raw.translate(_TABLE, _DROPPED).split(b"\n")
    digest = xxhash.xxh3_64_intdigest
    return list(dict.fromkeys([digest(one) for one in sentences if len(one) >= LETTERS]))


def _marked(raw: bytes) -> bytes:
    for begin, marks, ending in _MARKS:
        if begin in raw:
            for mark in marks:
                raw = raw.replace(begin + mark, ending)
    return raw


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a pack says about itself."""

    name: str
    title: str
    licence: str
    source: str
    items: int
    """Texts that it was made of."""
    of: Kind = "sentences"


class Corpus:
    """A collection as the fingerprints of its sentences, in order: an array of 32 bits (`I`) or 64 (`Q`)."""

    __slots__ = ("_drop", "_flags", "_high", "bits", "hashes", "origin")

    def __init__(self, origin: Origin, hashes: array[int]) -> None:
        self.origin, self.hashes = origin, hashes
        self.bits = 8 * hashes.itemsize
        self._drop = 64 - self.bits
        # Hashes are spread evenly, so a strange one begins as one that is held does in an eighth of all cases
        # at most, and only then is searched for: ten sentences in seven packs take 4 µs instead of 14.
        first = min(24, len(hashes).bit_length() + 3)
        self._high = 64 - first
        self._flags = bytearray(1 << first)
        for held in hashes:
            self._flags[held << self._drop >> self._high] = 1

    def found(self, wanted: Iterable[int]) -> list[int]:
        """Those of some 64-bit fingerprints whose sentences are in the collection."""
        hashes, flags, drop, high = self.hashes, self._flags, self._drop, self._high
        held = []
        for fingerprint in wanted:
            if flags[fingerprint >> high]:
                own = fingerprint >> drop
                at = bisect_left(hashes, own)
                if at < len(hashes) and hashes[at] == own:
                    held.append(fingerprint)
        return held

    @property
    def chance(self) -> float:
        """The share of strange sentences that are found by chance."""
        return len(self.hashes) / float(2**self.bits)

    @property
    def hash(self) -> str:
        """12 hex digits of SHA-256 over what it holds, whatever it says about itself."""
        return hashlib.sha256(_plain(self.hashes)).hexdigest()[:12]


def build(
    origin: Origin,
    texts: Iterable[str],
    cut: Callable[[str], Iterable[int]] = fingerprints,
    *,
    common: int | None,
) -> Corpus:
    """The corpus of `texts`; `origin.items` is counted here.

    `cut` gives the 64-bit fingerprints of a text, each once, of what `origin.of` says. Those that stand in
    more than `common` of the texts are language and not the collection's own, so they are left out; None
    leaves out nothing. Raises ValueError if nothing is left.
    """
    counts: Counter[int] = Counter()
    items = 0
    for items, text in enumerate(texts, 1):  # noqa: B007  how many there were
        counts.update(cut(text))
    found = [fingerprint for fingerprint, count in counts.items() if common is None or count <= common]
    if not found:
        wanted = f"sentence of {LETTERS} letters or more" if origin.of == "sentences" else "piece of a frame"
        raise ValueError(f"no {wanted} in {items} texts")
    short = len(found) <= FEW
    hashes = sorted({fingerprint >> 32 for fingerprint in found} if short else found)
    return Corpus(msgspec.structs.replace(origin, items=items), array("I" if short else "Q", hashes))


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line after the magic one."""

    form: int
    bits: int
    count: int
    origin: Origin


def encode(corpus: Corpus) -> bytes:
    """The pack of a corpus; equal corpora give equal bytes."""
    hashes = corpus.hashes
    steps = array(hashes.typecode, map(sub, hashes, chain((0,), hashes)))
    header = _Header(FORMS[corpus.origin.of], corpus.bits, len(hashes), corpus.origin)
    packed = zstandard.ZstdCompressor(19).compress(_columns(_plain(steps), steps.itemsize))
    return b"".join((_MAGIC, msgspec.json.encode(header), b"\n", packed))


def decode(data: bytes) -> Corpus:
    """The corpus of a pack. Raises ValueError in words for its owner."""
    if not data.startswith(_MAGIC):
        raise ValueError("not a corpus pack: make one with `gateway corpus build`")
    line, _, packed = data[len(_MAGIC) :].partition(b"\n")
    try:
        header = msgspec.json.decode(line, type=_Header)
        size = header.count * header.bits // 8
        if header.form != FORMS[header.origin.of] or header.bits not in (32, 64) or not 0 < size <= LARGEST:
            raise ValueError(f"of form {header.form} with {header.count} fingerprints of {header.bits} bits")
        # Decompressing would set aside what the frame says, however much that is.
        whole = zstandard.frame_content_size(packed) == size
        plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size) if whole else b""
    except (msgspec.DecodeError, zstandard.ZstdError, ValueError) as error:
        raise ValueError(f"not a corpus pack of this version: {error}") from None
    if not whole:
        raise ValueError("not a whole corpus pack: some of it is missing")
    typecode = "I" if header.bits == 32 else "Q"
    steps = struct.unpack(f"<{header.count}{typecode}", _rows(plain, header.bits // 8))
    hashes = list(accumulate(steps))
    if hashes[-1] >> header.bits or 0 in steps[1:]:
        raise ValueError("not a sound corpus pack: its fingerprints are not in order")
    return Corpus(header.origin, array(typecode, hashes))


def _plain(numbers: array[int]) -> bytes:
    """Little-endian, whatever the machine."""
    return struct.pack(f"<{len(numbers)}{numbers.typecode}", *numbers)


def _columns(rows: bytes, width: int) -> bytes:
    """Byte by byte of all numbers: the high ones of small differences are zeros, which pack to nothing."""
    return b"".join(rows[at::width] for at in range(width))


def _rows(columns: bytes, width: int) -> bytes:
    rows = bytearray(len(columns))
    count = len(columns) // width
    for at in range(width):
        rows[at::width] = columns[at * count : (at + 1) * count]
    return bytes(rows)

"""Public prompt templates: the pieces that one can leave in a frame, and a frame without them.

What belongs here is which pieces those are, cut as `gateway.signals.frames` cuts them; packs of them are
kept by `gateway.corpora`, and accounts are linked by others. Customers who took one template from a
framework's documentation begin and end their prompts alike and are no campaign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from zlib import crc32

from msgspec.structs import replace

from gateway.campaigns.operations import Frame
from gateway.corpora import Corpus
from gateway.signals.frames import DENSE, ENDS, PAIRS, SHINGLE, WINDOW, Piece, hashed, paired, shingled
from gateway.signals.shingles import spellings

SLOT = re.compile(r"\{\{.*?\}\}|\$?\{(?![%#])[^{}\n]{0,60}\}|\$[A-Za-z_]\w*", re.DOTALL)
"""Where data goes: Jinja's way to say it, Python's and the shell's. Longer braces are examples in JSON."""
STATEMENT = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
"""What Jinja does between texts: it may leave them together, or one of them out."""
_UNSIGNED = (1 << 64) - 1


def pieces(template: str) -> set[int]:
    """The unsigned 64-bit hashes of all pieces that `template` leaves in a frame, whatever is filled in.

    Data of a script without spaces makes the whole frame count in longer pieces, so both lengths are taken;
    other letters than English ones are spelt in two ways, by what stands around them.
    """
    found: set[int] = set()
    for parts in _readings(template):
        for spelt in zip(*map(spellings, parts), strict=True):
            runs = [tuple(map(crc32, words)) for words in spelt if words]
            for scale in (1, DENSE):
                for outer in (_first(runs, WINDOW * scale), _last(runs, WINDOW * scale)):
                    found.update(*(hashed(shingled(run, SHINGLE * scale)) for run in outer))
            found.update(hashed(_pairs(runs)))
    return {piece & _UNSIGNED for piece in found}


def _readings(template: str) -> Iterator[list[str]]:
    """The ways to read a template, each as its runs of text between slots."""
    apart = [part for text in STATEMENT.split(template) for part in SLOT.split(text)]
    for parts in (apart, SLOT.split(STATEMENT.sub("", template))):
        worded = [part for part in parts if part.strip()]
        yield worded
        # Of more than is read at each end a word may be cut in two, and what is left of both ends meets.
        yield [f"{worded[0][:ENDS]} {worded[-1][-ENDS:]}"] if worded else []
    # What stands in braces is a slot to one engine and text to another.
    yield [template]


def _first(runs: Sequence[Piece], window: int) -> list[Piece]:
    """The parts of runs within their first `window` words: slots may be left empty, so they have none."""
    found, left = [], window
    for run in runs:
        found.append(run[:left])
        left -= len(found[-1])
    return found


def _last(runs: Sequence[Piece], window: int) -> list[Piece]:
    return [run[::-1] for run in _first([run[::-1] for run in reversed(runs)], window)]


def _pairs(runs: Sequence[Piece]) -> list[Piece]:
    if not runs:
        return []
    first, last = runs[0], runs[-1]
    wanted = zip(PAIRS, paired(first, last), strict=True)
    return [pair for (head, tail), pair in wanted if len(first) >= head and len(last) >= tail]


def remainder(frame: Frame, pack: Corpus) -> Frame:
    """What of a frame is in no template of the pack; the words inside it stay."""
    public = set(pack.found([piece & _UNSIGNED for piece in frame.pieces]))
    if not public:
        return frame
    return replace(frame, pieces=tuple(piece for piece in frame.pieces if piece & _UNSIGNED not in public))

"""How a new turn stands to the conversation that it is sent in, in hashes.

Whoever talks takes up words of what was said: of his own last question, or of the answer to it. A harvest
that is dressed up as conversations does not, because its next item has nothing to do with the one before.
Here one turn becomes what is needed to tell; what it means is the business of `gateway.campaigns.pool`.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from gateway.campaigns.operations import Said
from gateway.model import Turn
from gateway.signals.shingles import tokens

NEW = 300
"""Characters read at each end of the new turn: some hundred words."""
ANSWER = 1000
"""Characters read at each end of the answer that it follows."""
ASKED, EARLIER = 500, 3
"""Characters read at each end of questions before it, and how many of them."""
SHORT = 3
"""Bytes of the shortest word that is looked at; a character of a script without spaces has as many."""
WORDS, STYLE = 1 << 16, 1 << 14
"""Different hashes of words, and of what a turn's style is told by: the sizes of the population's tables."""


def edges(text: str, each: int) -> str:
    """The beginning and the end of a text; all of a short one."""
    return text if len(text) <= 2 * each else f"{text[:each]} {text[-each:]}"


def said(new: str, before: Sequence[Turn]) -> Said:
    """A new turn after `before`: what it says, and which of its words were said there."""
    spoken = tokens(edges(new, NEW))
    if not spoken:
        return Said()
    hashes = {word: crc32(word) for word in spoken}
    form = (b"1" + spoken[0], b"2" + spoken[0] + b" " + spoken[min(1, len(spoken) - 1)], b"3" + spoken[-1])
    style = {each % STYLE for each in (*hashes.values(), *map(crc32, form))}
    answers = [turn.text for turn in before if turn.role == "assistant"][-1:]
    if not answers:
        return Said(style=tuple(style))
    asked = [turn.text for turn in before if turn.role == "user"][-EARLIER:]
    history = " ".join([edges(answers[0], ANSWER), *(edges(text, ASKED) for text in asked)])
    words = {word for word in hashes if len(word) >= SHORT}
    taken = words.intersection(tokens(history))
    return Said(
        tuple([hashes[word] % WORDS for word in words - taken]),
        tuple([hashes[word] % WORDS for word in taken]),
        tuple(style),
        True,
    )

"""Which part of a conversation is new: the only part that is scored.

A chat client replays the whole history with each request. What this principal has sent before is
history; what stands in the place of history but was never sent is new text in disguise, and is scored
as such. Text is remembered as 64-bit hashes of user and tool turns, 256 per principal (2 KiB).
"""

from __future__ import annotations

from array import array

import xxhash

from gateway.model import Op, Recent, Turn

KEPT = 256
"""Turn hashes remembered per principal."""
LOOKED_AT = 128
"""Replayed turns examined per call; older ones are taken as history. Hiding text beyond costs an
attacker that many turns of filler in every request."""
_KEY = "turns"


QUERY = Recent(_KEY, KEPT, 8, unique=True)
"""Reads the remembered turns."""


def _split(turns: tuple[Turn, ...]) -> int:
    """Index of the first turn after the answer that the newest user or tool turn follows."""
    newest = max((i for i, turn in enumerate(turns) if turn.role in ("user", "tool")), default=-1)
    answered = (i for i in range(newest, -1, -1) if turns[i].role == "assistant")
    return next(answered, -1) + 1


def _hash(turn: Turn) -> int:
    return xxhash.xxh3_64_intdigest(turn.text.encode("utf-8", "replace"))


def fresh(turns: tuple[Turn, ...], remembered: bytes) -> tuple[Turn, ...]:
    """System turns, the new turn with any prefill, and replayed user or tool turns never sent before."""
    if len(turns) == 1:
        return turns
    start = _split(turns)
    if start == 0:
        return turns
    known = array("Q")
    known.frombytes(remembered)
    seen = set(known)
    old = [i for i in range(start) if turns[i].role in ("user", "tool")][-LOOKED_AT:]
    unsent = {i for i in old if _hash(turns[i]) not in seen}
    return tuple(turn for i, turn in enumerate(turns) if i >= start or i in unsent or turn.role == "system")


def enter(turns: tuple[Turn, ...]) -> tuple[Op, ...]:
    """Remember this call's user and tool turns, the newest last."""
    sent = [turn for turn in turns if turn.role in ("user", "tool")][-LOOKED_AT:]
    if not sent:
        return ()
    hashes = array("Q", (_hash(turn) for turn in sent))
    return (Recent(_KEY, KEPT, 8, unique=True, data=hashes.tobytes()),)

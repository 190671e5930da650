"""Operations on the store's richer summaries: ledgers, profiles, budgets and periods of one principal.

They are part of the closed vocabulary of `gateway.model`, and stand apart because each has one summary of
its own (`gateway.stores`) and one family of signals that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.model import Op, Reading


class Names(tuple[str, ...]):
    """The columns of a ledger, each with its place."""

    places: dict[str, int]

    def __new__(cls, names: Iterable[str]) -> Names:
        """Made once for a plan, so that calls compare it by identity."""
        made = super().__new__(cls, names)
        made.places = {name: place for place, name in enumerate(made)}
        return made


class Ledger(Op, frozen=True):
    """Many windowed sums in one summary, in `slices` time slices; without `amounts` it only reads.

    A column stands for one number of a `Sum` (`column`), which would say the same by itself at five times the
    cost. `amounts` are (place in `names`, what to add). Reading: `values` = the sums in the order of `names`;
    0 for what was never added. Merges by addition per slice and name.
    """

    over: float
    slices: int
    names: Names
    amounts: Sequence[tuple[int, float]] = ()

    def nothing(self) -> Reading | None:
        return None if self.amounts else Reading((0.0,) * len(self.names))


def column(key: str, at: int) -> str:
    """The name of the number at `at` of the sum with this fingerprint."""
    return f"{key}/{at}"


def owner(name: str) -> str:
    """The fingerprint of the sum that a column belongs to."""
    return name.rpartition("/")[0]


class Observe(Op, frozen=True):
    """One prompt into a profile of how prompts relate to each other; without `numbers` it only reads.

    `numbers` are added up; `shingles` are 32-bit hashes: the first and the last of the prompt, then those
    sampled the same way from every prompt; `prompt` is a hash of the whole. What was counted halves every
    `half_life` seconds. Reading without `numbers`: `values` = (prompts, those with shingles, how many of them
    begin or end with one that recurs, the sum of their shares that recur, of their similarities to the prompt
    before, prompts of which it is known how often they came, different ones of these, then the sums of
    `numbers`); empty before the first prompt. Merges by addition, within the error of its tables.
    """

    half_life: float
    numbers: tuple[float, ...] = ()
    shingles: tuple[int, ...] = ()
    prompt: int = 0

    def nothing(self) -> Reading | None:
        return None if self.numbers else Reading()


class Fresh(Op, frozen=True):
    """Amounts that fade by half every `half_life` seconds, and hashes of the inputs they are for; none reads.

    Reading: `values` = (share of inputs that differ, then the faded sums); empty before the first. Merges by
    addition, and by union of the samples that tell the share.
    """

    half_life: float
    amounts: tuple[float, ...] = ()
    items: tuple[int, ...] = ()

    def nothing(self) -> Reading | None:
        return None if self.items else Reading()


class Series(Op, frozen=True):
    """(amount, calls) in each of `periods` periods, compared with those before; zeros only read.

    Of the periods that have ended the first `history` make what is usual, which is never less than `least`;
    with `share` a period's value is amount over calls. Reading: `values` = (periods with calls that have
    ended, the usual, the excess above it in its own units). Merges by addition per period.
    """

    over: float
    """All periods, in seconds."""
    history: int
    least: float
    share: bool = False
    amounts: tuple[float, float] = (0.0, 0.0)
    periods: int = 56

    def nothing(self) -> Reading | None:
        return None if any(self.amounts) else Reading((0.0, self.least, 0.0))


class Blocks(Op, frozen=True):
    """Sums of vectors of `width` numbers over the last ones; without `numbers` it only reads.

    They come in blocks of `keep`: those of the block before count too, so that it is up to twice as many.
    Reading: `data` = (count, sums…) as 32-bit floats end to end; empty before the first. Merges by addition,
    block by block.
    """

    keep: int
    width: int
    numbers: tuple[float, ...] = ()

    def nothing(self) -> Reading | None:
        return None if self.numbers else Reading()

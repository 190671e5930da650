"""Evidence of a keyed choice: numbers that a key signs, and the exact chance of any sum of them.

A mark of any kind comes down to this. At each of some places a key flipped a fair coin, and the text shows a
number: positive where it goes with one side, negative where it goes with the other, large where it says much.
The score of a key is the sum with that key's signs. Nothing is assumed of the text, whose words are no
independent draws: it is held fixed, and the *key* is what chance draws. Under a key that had no part in the
text every choice of signs is as likely as any other, so the p-value of a score is the share of all keys that
reach it: a permutation test over every key there could be, counted out and not sampled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import accumulate, compress


class Evidence:
    """What texts say about every key at once."""

    def __init__(self, numbers: Iterable[int], coins: Callable[[bytes], Sequence[int]]) -> None:
        """`coins(key)`: for each number 0 or 1, independent and fair over keys; 1 keeps its sign."""
        self._numbers = tuple(numbers)
        self._coins = coins
        self._all = sum(self._numbers)

    def score(self, key: bytes) -> int:
        """How far the texts go with the key; over all keys the mean is 0."""
        return 2 * sum(compress(self._numbers, self._coins(key))) - self._all

    def p(self, score: int) -> float:
        """The share of all keys under which these texts score so high or higher."""
        tail = self._tail
        # A score is twice what falls to the positive side, less everything.
        least = max(0, -(-(score + len(tail) - 1) // 2))
        return tail[least] / tail[0] if least < len(tail) else 0.0

    @cached_property
    def _tail(self) -> Sequence[int]:
        """At each sum of sizes on the positive side: how many of all choices of signs give it or more."""
        # The generating function, product of 1 + x^size, as one integer with a slot for each power of x.
        sizes = [abs(number) for number in self._numbers if number]
        octets = len(sizes) // 8 + 1
        ways = 1
        for size in sizes:
            ways += ways << 8 * size * octets
        slots = ways.to_bytes((sum(sizes) + 1) * octets, "little")
        each = [int.from_bytes(slots[at : at + octets], "little") for at in range(0, len(slots), octets)]
        return [*accumulate(reversed(each))][::-1]

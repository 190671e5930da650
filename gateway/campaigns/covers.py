"""Which system prompts make people stray: that of a tool which asks questions, and is answered in a word.

Two tables of fixed size over all accounts that converse. System prompts that share a place are counted as
one, which at a million different ones only makes a tool harder to tell.
"""

from __future__ import annotations

from array import array

PLACES = 1 << 16
"""Places in the tables."""
USERS = 4
"""Accounts that must stray under one system prompt, half of its users, for it to be the tool's doing."""


class Covers:
    """How many accounts wear each system prompt, and how many of them stray."""

    __slots__ = ("_straying", "_wearers")

    def __init__(self) -> None:
        self._wearers = array("I", bytes(4 * PLACES))
        self._straying = array("I", bytes(4 * PLACES))

    def count(self, cover: int, strays: bool, step: int) -> None:
        """An account wears a system prompt (`step` 1), or does not any more (-1)."""
        at = cover % PLACES
        self._wearers[at] += step
        if strays:
            self._straying[at] += step

    def tool(self, cover: int) -> bool:
        """Whether half of all who wear it stray. No system prompt is no tool."""
        at = cover % PLACES
        return cover != 0 and self._straying[at] >= USERS and 2 * self._straying[at] >= self._wearers[at]

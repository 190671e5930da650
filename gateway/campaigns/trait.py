"""What the population says of one piece of a frame: who used it, and for whom it is a habit.

Ordinary speech is used by many and repeated by few; the wrapper of a job is repeated by nearly everybody
who uses it at all. That one ratio, the habit, keeps language out (measured: wrappers .43 to 1 after
fifteen calls, "I want you to", "give me a list of" .16 to .22).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.campaigns.smallest import Smallest

if TYPE_CHECKING:
    from gateway.campaigns.campaign import Campaign

FOUNDS = 4
"""Accounts that must repeat a piece before it is looked at."""
HABIT = 0.35
"""Share of its users who repeat a piece, from which on it is somebody's frame…"""
GROWN = 15
"""…if they made so many calls on average; of younger accounts in proportion, as they had less occasion."""
LOST = 0.7
"""Part of that share below which it is taken for language again."""
TOGETHER = 0.15
"""Share of the accounts of the rarer of two pieces that must repeat the other, for both to be one frame."""
AT_LEAST = 4
"""…and so many accounts…"""
KNOWN = 3
"""…of which so many are in both samples."""


class Trait:
    """One piece of a frame in the population."""

    __slots__ = ("campaign", "looked", "need", "repeats", "uses")

    def __init__(self) -> None:
        self.uses = Smallest()
        """Accounts that used it."""
        self.repeats = Smallest()
        """Accounts that used it in two different prompts."""
        self.campaign: Campaign | None = None
        self.looked = 0
        """How many repeated it when its campaign was last looked for."""
        self.need = HABIT
        """The habit that was asked of it then."""

    def habit(self) -> float:
        """The share of its users who repeat it."""
        return min(1.0, len(self.repeats) / max(1, len(self.uses)))

    def ripe(self) -> bool:
        """Whether it is time to look for its campaign: until it has one, then with each quarter more."""
        count = len(self.repeats)
        return count >= FOUNDS and (self.campaign is None or 4 * count >= 5 * self.looked)

    def habitual(self, calls: float) -> bool:
        """Whether it is a habit, among users who made so many calls on average."""
        self.need = HABIT * min(1.0, calls / GROWN)
        return self.habit() >= self.need

    def lost(self) -> bool:
        """Whether it has become language, which many use and few repeat."""
        return self.habit() < LOST * self.need

    def beside(self, other: Trait) -> bool:
        """Whether the accounts that repeat this piece repeat the other too."""
        common = self.repeats.common(other.repeats, KNOWN)
        return common >= max(AT_LEAST, TOGETHER * min(len(self.repeats), len(other.repeats)))

    def merge(self, other: Trait) -> None:
        """Take over what another replica counted."""
        self.uses.merge(other.uses)
        self.repeats.merge(other.repeats)

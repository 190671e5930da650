"""A town of accounts that converse, and a harvest among them: what a pool hears."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.campaigns.operations import Said
from gateway.campaigns.pool import Pool
from tests.campaigns.support import crowd

PLAIN, TUTOR, TOOL = 0, 77, 99
ASKED = range(100, 130)
"""Style of the pool's questions."""
SPOKEN = range(200, 260)
"""Style of what people say."""


@dataclass
class Talk:
    """A pool and its clock; every turn comes a minute after the one before."""

    pool: Pool = field(default_factory=lambda: Pool(1000))
    hear: Callable[[str, str | None, Said, tuple[int, ...], float], None] | None = None
    """Who hears it, if not the pool itself."""
    now: float = 0.0
    source: random.Random = field(default_factory=lambda: random.Random(5))
    words: int = 1000

    def rare(self, count: int = 4) -> tuple[int, ...]:
        """Words that nobody says twice."""
        self.words += count
        return tuple(range(self.words - count, self.words))

    def say(
        self,
        name: str,
        style: Sequence[int],
        *,
        takes: bool,
        org: str | None = None,
        cover: int = PLAIN,
        place: int = 0,
        follows: bool = True,
    ) -> None:
        """One turn, which takes something up or does not."""
        self.now += 60.0
        drawn = tuple(self.source.sample(list(style), 8))
        own, taken = self.rare(), self.rare(2) if takes else ()
        hear = self.hear or self.pool.hear
        hear(name, org, Said(own, taken, drawn, follows), (cover, place, 0), self.now)

    def people(
        self, names: Sequence[str], rounds: int = 10, cover: int = PLAIN, strays: float = 0.15
    ) -> None:
        """Conversations, in which somebody changes the subject now and then."""
        for _ in range(rounds):
            for name in names:
                self.say(name, SPOKEN, takes=self.source.random() >= strays, cover=cover)

    def harvest(self, names: Sequence[str], rounds: int = 8, **how: object) -> None:
        """Items of one pool, one in four beside something innocent."""
        for at in range(rounds):
            for number, name in enumerate(names):
                cover = TUTOR if number % 2 else PLAIN
                innocent = at % 4 == 3
                self.say(
                    name,
                    SPOKEN if innocent else ASKED,
                    takes=innocent,
                    cover=cover,
                    follows=at % 3 > 0,
                    **how,  # type: ignore[arg-type]  # org or place
                )

    def standing(self, names: Sequence[str]) -> int:
        """How many of these are members of a pool that stands."""
        return sum(self.pool.standing(name) for name in names)


PEOPLE, TUTORED, FARM = crowd("person", 40), crowd("tutored", 40), crowd("farm", 24)


def town(talk: Talk | None = None) -> Talk:
    """People, with and without a system prompt."""
    talk = talk or Talk()
    talk.people(PEOPLE)
    talk.people(TUTORED, cover=TUTOR)
    return talk


def harvested(rounds: int = 12, talk: Talk | None = None, **how: object) -> Talk:
    """The same and a harvest of twenty-four accounts among them."""
    talk = town(talk)
    talk.harvest(FARM, rounds, **how)
    return talk

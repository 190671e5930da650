"""Crowds of accounts whose prompts have a frame: what the linker hears."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.campaigns.campaign import Campaign
from gateway.campaigns.linker import Linker
from gateway.signals.frames import frame, opening

FRAME = "Next item from my list: {}. Show all intermediate results, please."
COVERS = ("", "You are a helpful writing aide.", "Act as a patient tutor for grown-ups.")
WEEK = 7 * 86400.0


def words(source: random.Random, count: int = 14) -> str:
    """Text that nobody says twice."""
    return " ".join("".join(source.choices("abcdefghijklmnop", k=6)) for _ in range(count))


@dataclass
class Crowd:
    """A linker and its clock; every call comes a minute after the one before."""

    linker: Linker = field(default_factory=lambda: Linker(1000))
    now: float = 0.0
    source: random.Random = field(default_factory=lambda: random.Random(5))

    def say(self, name: str, text: str, org: str | None = None, system: str = "", prefix: int = 0) -> None:
        """One call."""
        self.now += 60.0
        self.linker.hear(name, org, frame(text), (opening(system), prefix, 0), self.now)

    def harvest(
        self,
        names: Sequence[str],
        rounds: int = 12,
        template: str = FRAME,
        org: str | None = None,
        covers: Sequence[str] = COVERS,
        slot: Callable[[int], str] | None = None,
        prefix: int = 0,
    ) -> None:
        """Every account calls once in each round, with the template around ever new words."""
        for turn in range(rounds):
            for at, name in enumerate(names):
                text = words(self.source) if slot is None else slot(turn)
                self.say(name, template.format(text), org, covers[at % len(covers)], prefix)

    def chat(self, names: Sequence[str], rounds: int = 12) -> None:
        """The same without a frame."""
        self.harvest(names, rounds, template="{}")

    def standing(self, name: str) -> Campaign | None:
        """Where an account stands."""
        return self.linker.standing(name)


def crowd(prefix: str, count: int) -> list[str]:
    """Names."""
    return [f"{prefix}-{at}" for at in range(count)]

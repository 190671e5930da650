"""Tasks that a model of 135 M parameters can do at all, with answers that a program can judge.

Their only use is to see whether an answer that was right without the mark is right with it. They are asked
without randomness, and for 24 tokens: shorter answers are not marked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_CAPITALS = (
    "France Paris, Germany Berlin, Italy Rome, Spain Madrid, Portugal Lisbon, Greece Athens, Austria Vienna, "
    "Poland Warsaw, Hungary Budapest, Norway Oslo, Sweden Stockholm, Finland Helsinki, Denmark Copenhagen, "
    "Ireland Dublin, England London, Russia Moscow, Ukraine Kyiv, Turkey Ankara, Egypt Cairo, Kenya Nairobi, "
    "Japan Tokyo, China Beijing, India Delhi, Thailand Bangkok, Vietnam Hanoi, Cuba Havana, Peru Lima, "
    "Chile Santiago, Canada Ottawa, Australia Canberra, Belgium Brussels, Iraq Baghdad, Iran Tehran, "
    "Colombia Bogot, Bulgaria Sofia, Romania Bucharest, Serbia Belgrade, Croatia Zagreb, Iceland Reykjav, "
    "Malta Valletta"
)
_SENTENCES = (
    "The train leaves at noon from the old station.",
    "We met in the garden to talk about the plan.",
    "A small boat came with the tide to the shore.",
    "You can use this key for the door on the side.",
    "Their letters are in a box by the window.",
    "It is better to ask than to be lost.",
    "The report was made for the board of the town.",
    "Please bring your own water and something to eat.",
    "This is how the bridge was built in a year.",
    "They went from house to house with the news.",
)
_WORDS = "apple bread chair dance eagle flame grape horse island jewel kettle lemon music night ocean".split()  # noqa: SIM905  a list is read worse


@dataclass(frozen=True)
class Task:
    """A question, and whether a text answers it."""

    question: str
    right: Callable[[str], bool]

    def body(self) -> dict[str, Any]:
        """The request, without the model's name."""
        messages = [{"role": "system", "content": ""}, {"role": "user", "content": self.question}]
        return {"messages": messages, "max_tokens": 24, "temperature": 0}


def _says(expected: str) -> Callable[[str], bool]:
    return lambda text: re.search(rf"(?<!\w){re.escape(expected)}", text) is not None


def _sums() -> list[Task]:
    pairs = [(a, b) for a in range(2, 10) for b in range(2, 10)]
    return [Task(f"What is {a} + {b}?", _says(f"= {a + b}")) for a, b in pairs]


def _capitals() -> list[Task]:
    found = [pair.split() for pair in _CAPITALS.split(", ")]
    return [Task(f"What is the capital of {land}?", _says(city)) for land, city in found]


def _copies() -> list[Task]:
    return [Task(f"Repeat this sentence exactly: {said}", _says(said)) for said in _SENTENCES]


def _spellings() -> list[Task]:
    return [Task(f'Write the word "{word}" in capital letters.', _says(word.upper())) for word in _WORDS]


TASKS = [*_sums(), *_capitals(), *_copies(), *_spellings()]
"""All of them."""

"""Words for generated prompts: plain nouns, so that no pattern of a policy is met by accident."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from gateway.policytests.schema import PLACEHOLDER

NOUNS: tuple[str, ...] = tuple(
    word
    for word in """
    acorn airport almond anchor antler apron arcade arrow attic autumn bakery balcony bamboo banner barley
    basket beacon bicycle birch blanket blossom boulder bracelet bramble bridge bucket buffalo cabin cactus
    camel candle canyon caravan carpet castle cathedral cedar cellar chapel cherry chimney cinema circus
    cliff clover cobbler comet compass copper coral cottage cradle crane crater cricket crystal curtain
    daisy desert diamond dolphin drawer eagle ember emerald engine falcon farmer feather ferry fiddle
    fountain forest fossil furnace galaxy garden garlic geyser ginger glacier glove granite grape gravel
    guitar hammer harbour harvest hazel helmet heron hive honey horizon hospital iceberg island ivory jacket
    jasmine jungle kettle kitchen kitten ladder lagoon lantern lemon library lighthouse lilac lizard lobster
    mango maple marble market meadow melon mirror monsoon mosaic mountain museum mushroom needle nettle
    oasis ocean olive orchard orchid otter oyster paddle palace panther parade parrot pasture peacock pebble
    pelican pepper piano pigeon pillow planet plaster plaza pocket pollen poplar potato prairie puddle
    pumpkin quarry rabbit raven reef ribbon river robin rocket rooster saddle saffron sailor salmon satchel
    scarf shadow shepherd silver spider spinach squirrel stable statue summit sunset swallow tailor temple
    thistle thunder tiger timber tobacco tomato tower trumpet tulip tundra turnip turtle umbrella valley
    vanilla velvet village violin volcano walnut walrus waterfall weather whistle willow window winter
    wizard woodland yacht zebra
    """.split()  # noqa: SIM905  three pages as a list
)
_FEWEST, _MOST = 8, 16
"""Words of `{words}`: enough to differ from every other draw, as people's questions do."""


def fill(template: str, number: int, source: random.Random) -> str:
    """The text with its placeholders replaced; `number` is what `{i}` says."""
    return PLACEHOLDER.sub(lambda found: _FILL[found[1]](found[2], number, source), template)


def fill_all(value: Any, number: int, source: random.Random) -> Any:
    """The same for every text inside a JSON value."""
    if isinstance(value, str):
        return fill(value, number, source)
    if isinstance(value, dict):
        return {key: fill_all(item, number, source) for key, item in value.items()}
    return [fill_all(item, number, source) for item in value] if isinstance(value, list) else value


def _words(many: str | None, number: int, source: random.Random) -> str:
    count = int(many) if many else source.randint(_FEWEST, _MOST)
    return " ".join(source.choices(NOUNS, k=count))


_FILL: Mapping[str, Callable[[str | None, int, random.Random], str]] = {
    "i": lambda many, number, source: str(number),
    "word": lambda many, number, source: source.choice(NOUNS),
    "words": _words,
}

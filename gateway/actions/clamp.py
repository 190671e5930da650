"""The response that narrows how answers are sampled.

Asking one prompt again and again, hot or under ever new seeds, collects a distribution answer by answer.
Clamped, the repetitions resemble each other and are worth less; one answer is as good as before. How many
answers one request may have is the business of `cap`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from gateway.actions import base
from gateway.actions.keys import bound, lower, present, put, remove, speaks
from gateway.dialects.base import Dialect, Object
from gateway.model import Call

HOTTEST_DEFAULT = 1.0
"""The highest temperature that an API takes where a request names none (OpenAI, Anthropic, vLLM)."""


class Options(base.Options):
    """What stays of the freedom to sample; those left out are not touched."""

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """The highest; below 1 it is also set where the request leaves it open."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """The highest; below 1 it is also set where the request leaves it open."""
    seed: Literal["drop"] | Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """`drop` takes the client's seed out; a number stands in its place in every request."""

    @model_validator(mode="after")
    def _not_empty(self) -> Options:
        if not self.model_fields_set:
            raise ValueError("name at least one of temperature, top_p, seed")
        return self


class Clamp(base.Action):
    """Description: narrow how answers are sampled, under every name that an engine may know a parameter by.

    Anthropic's API takes no other temperature beside `thinking` than its own, so such a request keeps its
    temperature and `top_p`. In front of models that take none at all (OpenAI's reasoning models) clamp the
    seed only.

    Options: `temperature`, `top_p` (the highest; below 1 also set where the request leaves them open), `seed`
    (`drop`, or a number that stands in its place in every request).

    Example: `clamp: {temperature: 0.7, seed: drop}`
    """

    name = "clamp"
    options_type: ClassVar[type[base.Options]] = Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._clamps = options

    def edit_request(self, call: Call, dialect: Dialect, body: Object) -> bool:
        """Lower each alias that is present, and set the dialect's own where the default may be above."""
        if not speaks(call):
            return False
        names, clamps = dialect.parameters, self._clamps
        changed = _seed(body, names.seed, clamps.seed)
        if call.route.dialect == "anthropic" and call.parameters.reasoning:
            return changed
        if clamps.temperature is not None:
            # llama.cpp lets the temperature wander so far from where it is set.
            changed = remove(body, ("dynatemp_range",)) or changed
        changed = _highest(body, names.temperature, clamps.temperature) or changed
        return _highest(body, names.top_p, clamps.top_p) or changed


def _highest(body: Object, keys: tuple[str, ...], most: float | None) -> bool:
    changed = lower(body, keys, most)
    opened = most is not None and most < HOTTEST_DEFAULT
    return (opened and bound(body, keys, most)) or changed


def _seed(body: Object, keys: tuple[str, ...], seed: int | str | None) -> bool:
    if seed is None or not keys:
        return False
    if seed == "drop":
        return remove(body, keys)
    found = list(present(body, keys))
    if not found:
        put(body, keys[0], seed)
        return True
    # Nulls too, as any of the names may be the one that the engine reads.
    changed = [(holder, key) for holder, key in found if holder[key] != seed]
    for holder, key in changed:
        holder[key] = seed
    return bool(changed)

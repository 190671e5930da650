"""The response that lets an answer pass slowly."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from gateway.actions import base
from gateway.actions.keys import speaks
from gateway.actions.tasks import Pace
from gateway.dialects.base import Object
from gateway.model import Call
from gateway.units import Duration


class Options(base.Options):
    """How fast, and how long a client waits at most for the next piece."""

    tokens_per_second: Annotated[float, Field(gt=0, le=10_000)]
    """How fast; a person reads 5 to 10."""
    longest: Annotated[Duration, Field(gt=0, le=60)] = 30.0
    """The longest single wait, below the time-outs of common clients: up to 60s."""


class Shape(base.Action):
    """Description: let the answer pass no faster than a rate; its bytes are untouched.

    Events of a stream are sent one by one, each when it and those before it are due. An answer in one piece
    waits as long as its tokens would have taken, counted from when the request was forwarded, and no longer
    than `longest`. While it waits nothing more is read from the model server.

    Options: `tokens_per_second` (of one answer), `longest` (a duration up to `60s`, default `30s`).

    Example: `shape: {tokens_per_second: 20}`
    """

    name = "shape"
    options_type: ClassVar[type[base.Options]] = Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._pace = Pace(options.tokens_per_second, options.longest)

    def task(self, call: Call, body: Object) -> Pace | None:
        """The configured rate, for answers that are generated text."""
        return self._pace if speaks(call) else None

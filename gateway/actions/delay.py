"""The response that makes each answer later."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from gateway.actions import base
from gateway.model import Call
from gateway.units import Duration


class Options(base.Options):
    """`by`: how long each request is held; at most 30 s, below the time-outs of common clients."""

    by: Annotated[Duration, Field(gt=0, le=30)]
    """How long each request is held: up to 30s."""


class Delay(base.Action):
    """Description: hold each request for a while before it is forwarded; the answer is untouched.

    Options: `by` (a duration up to `30s`).

    Example: `delay: {by: 2s}`
    """

    name = "delay"
    options_type: ClassVar[type[base.Options]] = Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._seconds = options.by

    def wait(self, call: Call) -> float:
        """The configured time."""
        return self._seconds

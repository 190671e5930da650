"""The response that lets a principal go on, but slowly: a token bucket of its own."""

from __future__ import annotations

from math import ceil
from typing import Annotated, ClassVar

from pydantic import Field

from gateway.actions import base
from gateway.model import Call, Refusal, Take
from gateway.units import Rate

LONGEST_WAIT = 120
"""Seconds. openai-python and anthropic-sdk ignore a longer `retry-after` and do not retry."""


class Options(base.Options):
    """`requests`: how many per time; `burst`: how many at once after a pause."""

    requests: Rate
    """How many per time: 20/1m."""
    burst: Annotated[int, Field(ge=1)] = 1
    """How many at once after a pause."""


class Limit(base.Action):
    """Description: refuse requests beyond a rate with 429 and an honest `retry-after`.

    Options: `requests` (a rate such as `20/1m`), `burst` (1: requests that may come at once).

    Example: `limit: {requests: 20/1m, burst: 5}`
    """

    name = "limit"
    options_type: ClassVar[type[base.Options]] = Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._interval = options.requests.seconds / options.requests.count
        self._burst = options.burst

    def take(self, call: Call) -> Take:
        """One token of the principal's bucket; higher rungs tighten the same bucket."""
        return Take("limit", self._interval, self._burst)

    def exhausted(self, wait: float) -> Refusal:
        """429; whole seconds, as `retry-after` knows no others (RFC 9110, 10.2.3), rounded up."""
        return Refusal(
            429,
            "rate_limited",
            "Too many requests. Please slow down.",
            retry_after=float(min(max(ceil(wait), 1), LONGEST_WAIT)),
        )

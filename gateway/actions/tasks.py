"""What an action may ask of the driver beside a refusal, a wait and an edit: values only.

The core says what is to be done; waiting, keeping and sending are the driver's.
"""

from __future__ import annotations

from msgspec import Struct


class Pace(Struct, frozen=True):
    """Let the answer pass no faster than this; no single wait is longer than `longest` seconds."""

    tokens_per_second: float
    longest: float


class Pin(Struct, frozen=True):
    """Give the same principal the answer that it was given to the same prompt up to `within` seconds ago.

    `prompt` is a digest of everything in the request that gives the answer its meaning.
    """

    prompt: bytes
    within: float


class Notice(Struct, frozen=True):
    """Tell the operator's system at `url` where the principal stands."""

    url: str


Task = Pace | Pin
"""All of these need an answer that can be read, so that it is asked for without a content coding."""

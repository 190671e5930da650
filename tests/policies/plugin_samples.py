"""What another distribution might bring: good extensions, and some that are broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from gateway.actions.base import Action
from gateway.dialects.openai_chat import OpenAIChat
from gateway.fields import Facts
from gateway.model import Call, Measure, Reading, Refusal
from gateway.signals.base import Context, Detector, Options


class LoudnessOptions(Options):
    """From how many exclamation marks on."""

    least: int = 1


class Loudness(Detector):
    """Exclamation marks in the new user text."""

    name = "loudness"
    options_type = LoudnessOptions

    def __init__(self, options: LoudnessOptions, context: Context) -> None:
        self._least = options.least

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """How many, once there are enough."""
        marks = facts.text("user").count("!")
        return Measure(float(marks)) if marks >= self._least else None


class Hush(Action):
    """Refuses."""

    name = "hush"

    def refuse(self, call: Call) -> Refusal | None:
        """Always."""
        return Refusal(429, "hush", "Please be quiet.")


class Chirp(OpenAIChat):
    """A wire API of its own path."""

    name = "chirp"
    routes: ClassVar[Mapping[str, str]] = {"/v7/chirp": "chat"}


class Taken(Chirp):
    """Wants a path that is known."""

    name = "taken"
    routes: ClassVar[Mapping[str, str]] = {"/v9/messages": "chat"}


class Endless(Chirp):
    """Speaks of an endpoint that policies do not know."""

    name = "endless"
    routes: ClassVar[Mapping[str, str]] = {"/v8/endless": "chatter"}


class Empty:
    """No dialect at all."""

    name = "empty"


class Bare(Detector):
    """Forgot its options."""

    name = "bare"


def explode() -> Any:
    """A dialect that cannot be made."""
    raise RuntimeError("no licence")

"""What an answer says, as far as signals may read it: its first characters, put together from its events.

Kept only where a policy reads the field `response.text`, until the call is settled, and never in a record.
Which part of a message is text is the dialects' business; what one costs is `gateway.usage`. Reasoning and
tool calls are left out: they come back as history, if at all.
"""

from __future__ import annotations

from gateway.dialects.base import Dialect, Object

LONGEST = 4096
"""Characters kept of an answer, all its choices together: what comes back is known by its beginning."""

TOGETHER = 64
"""Pieces kept apart: alone, a piece of one word takes ten times its letters."""


class AnswerText:
    """Collects one answer; `see` each message with text as it passes, whole answers and events alike."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._texts: dict[str, list[str]] = {}
        """By the stream key: the choices of one answer come in turns."""
        self._room = LONGEST

    def see(self, message: Object) -> None:
        """Take one whole answer or one stream event into account; one that broke off is what came of it."""
        if self._room <= 0:
            return
        for stream, holder, key in self._dialect.content_parts(message):
            piece = str(holder[key])[: self._room]
            self._room -= len(piece)
            pieces = self._texts.setdefault(stream, [])
            pieces.append(piece)
            if len(pieces) >= TOGETHER:
                pieces[:] = ["".join(pieces)]

    def text(self) -> str:
        """What was said, one choice after the other."""
        return "\n".join(map("".join, self._texts.values()))

"""What an answer cost: the server's own figures where it gives them, else a count of what passed.

Here figures of several events become one `Usage`; where an API writes them is the dialects' business.
Budgets are kept from these numbers, so that leaving before the figures come must not make an answer
free: a stream that broke off counts at least what was delivered.
"""

from __future__ import annotations

from math import ceil

from gateway.answers import AnswerText
from gateway.dialects.base import Dialect, Object
from gateway.model import Call, Usage
from gateway.stream import is_error

CHARS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English; other scripts need more tokens per character, so it is a low guess."""


def estimate(call: Call) -> int:
    """Input tokens of a call by its text alone."""
    return ceil(sum(len(turn.text) for turn in call.turns) / CHARS_PER_TOKEN)


class Meter:
    """Adds up one answer; `see` each message as it passes, then ask `usage` once.

    With `keep` it also keeps what the answer says, as far as signals may read it.
    """

    def __init__(self, dialect: Dialect, *, keep: bool = False) -> None:
        self._dialect = dialect
        self._seen = False
        self._reported: Usage | None = None
        self._pieces = 0
        self._chars = 0
        self._answer = AnswerText(dialect) if keep else None

    @property
    def text(self) -> str:
        """The beginning of the answer so far; empty where it is not kept."""
        return "" if self._answer is None else self._answer.text()

    def see(self, message: Object) -> None:
        """Take one whole answer or one stream event into account."""
        if "error" in message and is_error(message):
            return
        self._seen = True
        usage = self._dialect.usage(message)
        if usage is not None:
            self._reported = usage if self._reported is None else _merge(self._reported, usage)
        before = self._pieces
        for text in self._dialect.texts(message):
            # A piece of a stream is one token or more, an empty one (a role, a keep-alive) is none.
            self._pieces += bool(text)
            self._chars += len(text)
        # Some APIs end a text with an event that repeats it, of which their dialect gives no text.
        if self._answer is not None and self._pieces > before:
            self._answer.see(message)

    def usage(self, call: Call, finished: bool) -> Usage | None:
        """The cost of the answer to `call`; None if no answer was seen (refused, failed).

        A finished answer is billed as the server says, an explicit zero included. Of a broken stream
        the figures so far may be a mere beginning (Anthropic's first event says 1), so that what was
        delivered counts when it is more.
        """
        if not self._seen:
            return None
        delivered = max(self._pieces, ceil(self._chars / CHARS_PER_TOKEN))
        reported = self._reported or Usage(input_tokens=estimate(call), estimated=True)
        measured = self._reported is not None and (finished or reported.output_tokens >= delivered)
        output = reported.output_tokens if measured else delivered
        return Usage(
            input_tokens=reported.input_tokens,
            output_tokens=output,
            reasoning_tokens=reported.reasoning_tokens,
            logprob_tokens=output if call.parameters.logprobs else 0,
            estimated=reported.estimated or not measured,
        )


def _merge(earlier: Usage, later: Usage) -> Usage:
    """Field by field: a later figure replaces an earlier one; a zero after a figure means absent."""
    return Usage(
        input_tokens=later.input_tokens or earlier.input_tokens,
        output_tokens=later.output_tokens or earlier.output_tokens,
        reasoning_tokens=later.reasoning_tokens or earlier.reasoning_tokens,
        estimated=later.estimated and earlier.estimated,
    )

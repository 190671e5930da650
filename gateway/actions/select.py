"""The response that marks answers by choosing among several: the one whose words go best with the key.

For engines that honour no `logit_bias` but give several answers to one request. It costs as many answers as
are asked for, and marks weakly: of four answers the best goes with the key by one standard deviation, so that
it takes more text to find than `watermark` (docs/responses/watermark.md).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from gateway.actions import base, marking
from gateway.actions.keys import amount, present, put
from gateway.dialects.base import Dialect, Object
from gateway.dialects.shapes import objects
from gateway.marks.greenlist import GreenEvidence, Vocabulary
from gateway.model import Call

_SEVERAL = frozenset({"openai_chat", "openai_completions"})
"""The dialects in which a request may ask for several answers."""


class Options(marking.Options):
    """`tokens` and how many answers to choose from."""

    of: Annotated[int, Field(ge=2, le=8)] = 4
    """How many answers are asked for in place of one; the model server works that much more."""


class Select(marking.Marking):
    """Description: mark answers by giving, of several, the one whose words go best with the principal's key.

    For engines that take no `logit_bias`. Asks for `of` answers and gives one; usage stays what the model
    server says. Left unmarked are streams, requests for several answers, for probabilities,
    with tools or a forced format, for answers shorter than 16 tokens, and for models that the vocabulary does
    not name. Name it after `cap`, which would lower the number again. Off unless `policies.allow_actions`
    names it.

    Options: `tokens` (the id of a vocabulary), `of` (2 … 8, default 4), `per` (`principal` or `org`).

    Example: `select: {tokens: smollm2, of: 4}`
    """

    name = "select"
    options_type: ClassVar[type[base.Options]] = Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._of = options.of

    def edit_request(self, call: Call, dialect: Dialect, body: Object) -> bool:
        """Ask for several answers."""
        if not self._chooses(call, dialect, body):
            return False
        for holder, key in [*present(body, dialect.parameters.n)]:
            del holder[key]
        put(body, dialect.parameters.n[0], self._of)
        return True

    def editor(self, call: Call, dialect: Dialect, body: Object) -> base.Editor | None:
        """Gives one of the answers."""
        if not self._chooses(call, dialect, body):
            return None
        return _Choice(dialect, self._vocabulary, self._key)

    def _chooses(self, call: Call, dialect: Dialect, body: Object) -> bool:
        names, asked = dialect.parameters, call.parameters
        if (
            dialect.name not in _SEVERAL
            or call.stream
            or call.prompts > 1
            or asked.n > 1
            or asked.best_of > 1
        ):
            return False
        several = (amount(holder[key]) for holder, key in present(body, (*names.n, *names.best_of)))
        return all(number in (None, 1) for number in several) and self._is_prose(call, dialect, body)


class _Choice:
    """Leaves one of an answer's choices."""

    def __init__(self, dialect: Dialect, vocabulary: Vocabulary, key: bytes) -> None:
        self._dialect, self._vocabulary, self._key = dialect, vocabulary, key

    def edit(self, message: Object) -> base.Verdict:
        """Keep the choice that goes best with the key, as the only one."""
        choices = [*objects(message.get("choices"))]
        if len(choices) < 2:
            return "kept"
        best = max(choices, key=self._score)
        best["index"] = 0
        message["choices"] = [best]
        return "changed"

    def close(self) -> list[Object]:
        """Nothing is held back."""
        return []

    def _score(self, choice: Object) -> int:
        texts = self._dialect.texts({"choices": [choice]})
        return GreenEvidence(self._vocabulary, texts).score(self._key)

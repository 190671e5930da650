"""The response that marks answers: it makes some words a little likelier, and others less, under a key.

Measured (docs/responses/watermark.md): pushing only preferred words up makes a text of common words that
repeats itself; so every second pair has its preferred word raised, and the others their other word lowered.
The odds inside each pair move alike, the weight of all common words stays.

Who an answer was given to is found again by `gateway verify`. Where the mark could cost an honest customer
something, or show itself, the request goes on unmarked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gateway.actions import base, marking
from gateway.actions.keys import amount
from gateway.dialects.base import Dialect, Object
from gateway.marks.greenlist import Vocabulary
from gateway.model import JSON, Call

_LIMITS: Mapping[str, float] = {"openai": 300, "vllm": 1024, "llamacpp": math.inf}
"""Entries of a bias that an engine takes: OpenAI's API refuses more, vLLM's model runner too."""

_OPENAI = ("openai_chat", "openai_completions")
_HONOURED: Mapping[str, tuple[str, ...]] = {
    "openai": _OPENAI,
    "vllm": _OPENAI,
    # Its server passes over the field in Anthropic's messages (measured: tests/real/test_watermark.py).
    "llamacpp": (*_OPENAI, "openai_responses", "llamacpp"),
}
"""The dialects in which an engine honours a bias; an API without the field may refuse the request."""

_BIAS = "logit_bias"


class Options(marking.Options):
    """`tokens` and `strength` are all there is to choose; `engine` says what the model server honours."""

    strength: Annotated[float, Field(gt=0, le=4)] = 1.0
    """The bias in logits: stronger is found in shorter texts, and changes more."""
    engine: Literal["openai", "vllm", "llamacpp"] = "openai"
    """How the model server takes a bias: how many entries, in which form, on which routes."""


class Watermark(marking.Marking):
    """Description: mark answers with a keyed choice of words, so that `gateway verify` finds whose they were.

    Of each pair of equally common words one is made likelier by a `logit_bias`, as the principal's key says.
    Entries of the client's own win. Left unmarked are requests for probabilities (they would show the
    mark), with tools or a forced format, for answers shorter than 16 tokens, with a bias by texts, and for
    models that the vocabulary does not name. Off unless `policies.allow_actions` names it.

    Options: `tokens` (the id of a vocabulary, see `gateway mark vocabulary`), `strength` (1: the bias in
    logits), `engine` (`openai`: up to 300 entries on chat and completions; `vllm`: up to 1,024; `llamacpp`:
    any number, on Responses and its own route too), `per` (`principal` or `org`: whose mark it is).

    Example: `watermark: {tokens: smollm2, strength: 1.0, engine: llamacpp}`
    """

    name = "watermark"
    options_type: ClassVar[type[base.Options]] = Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._choice = options

    def _check(self, found: Vocabulary) -> None:
        wanted, engine = self._choice.tokens, self._choice.engine
        if len(found.pairs) > _LIMITS[engine]:
            message = f"'{wanted}' makes {len(found.pairs)} entries, {engine} takes {_LIMITS[engine]:g}"
            raise ValueError(message)

    def edit_request(self, call: Call, dialect: Dialect, body: Object) -> bool:
        """Add the biases that the client has not set itself, in the form that the engine reads fastest."""
        honoured = dialect.name in _HONOURED[self._choice.engine]
        if not honoured or not self._is_prose(call, dialect, body):
            return False
        own = _own(body.get(_BIAS))
        if own is None:
            return False
        room = _LIMITS[self._choice.engine] - len(own)
        biases = self._vocabulary.biases(self._key, self._choice.strength)
        added = [(token, bias) for token, bias in biases.items() if token not in own]
        # The rarest words go first where the client's own entries leave no room for all.
        added = added[: int(max(0, min(room, len(added))))]
        if added:
            self._write(body, own, added)
        return bool(added)

    def _write(self, body: Object, own: Mapping[int, JSON], added: list[tuple[int, float]]) -> None:
        if self._choice.engine == "llamacpp":
            # An object takes its server quadratic time: 800 ms for 24,576 entries, 10 as pairs (measured).
            pairs: list[JSON] = [[token, bias] for token, bias in (*own.items(), *added)]
            body[_BIAS] = pairs
        else:
            body[_BIAS] = {str(token): bias for token, bias in (*own.items(), *added)}


def _own(value: JSON) -> dict[int, JSON] | None:
    """The client's own entries by token; None where not all are by number (llama.cpp takes texts too)."""
    if value is None:
        return {}
    pairs: list[tuple[JSON, JSON]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        for item in value:
            if not isinstance(item, list) or len(item) != 2:
                return None
            pairs.append((item[0], item[1]))
    else:
        return None
    found: dict[int, JSON] = {}
    for token, bias in pairs:
        number = amount(token)
        if number is None or not number.is_integer():
            return None
        found[int(number)] = bias
    return found

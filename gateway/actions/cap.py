"""The response that lowers what a request asks for."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from gateway.actions import base
from gateway.actions.keys import bound, lower
from gateway.dialects.base import Dialect, Object
from gateway.model import Call

_Positive = Annotated[int, Field(ge=1)]


class Options(base.Options):
    """The highest value of each parameter; those left out are not touched."""

    n: _Positive | None = None
    """Answers per prompt."""
    best_of: _Positive | None = None
    """Candidates sampled per answer."""
    max_tokens: _Positive | None = None
    """Output tokens; set where the request leaves it open."""
    top_logprobs: Annotated[int, Field(ge=0)] | None = None
    """Alternatives per token."""

    @model_validator(mode="after")
    def _not_empty(self) -> Options:
        if not self.model_fields_set:
            raise ValueError("name at least one of n, best_of, max_tokens, top_logprobs")
        return self


class Cap(base.Action):
    """Description: lower parameters of the request, under every name that an engine may know them by.

    Options: `n` (answers per prompt), `best_of` (candidates; cap `n` too, as engines want `n` ≤ `best_of`),
    `max_tokens` (set where the request leaves it open), `top_logprobs` (alternatives per token).

    Example: `cap: {n: 1, max_tokens: 1024}`
    """

    name = "cap"
    options_type: ClassVar[type[base.Options]] = Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._caps = options

    def edit_request(self, call: Call, dialect: Dialect, body: Object) -> bool:
        """Lower each alias that is present: engines disagree on which one wins."""
        names, caps = dialect.parameters, self._caps
        changed = lower(body, names.n, caps.n)
        changed = lower(body, names.best_of, caps.best_of) or changed
        probabilities = (*names.logprobs, *names.top_logprobs, *names.prompt_logprobs)
        changed = lower(body, probabilities, caps.top_logprobs) or changed
        changed = lower(body, names.max_tokens, caps.max_tokens) or changed
        return bound(body, names.max_tokens, caps.max_tokens) or changed

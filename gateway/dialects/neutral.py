"""The neutral dialect: server-sent events, OpenAI's errors, and no opinion about answers.

Every dialect starts from it and overrides what its API says otherwise. `finish` of a request's reading
that all share (model, stream, end user) is here too, so that no dialect reads them in another way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from gateway.dialects import coerce, errors, names, parameters
from gateway.dialects.base import Failure, Framing, Object, ParameterNames, Seen, TokenList, nothing
from gateway.model import JSON, Call, Route, Turn, Usage

Verdict = Literal["kept", "changed", "drop"]


class Neutral:
    """See `gateway.dialects.base.Dialect`; `streams` is what an absent `stream` means."""

    name = "neutral"
    framing: Framing = "sse"
    parameters: ParameterNames = names.CHAT
    streams = False
    zero_logprobs = False

    def call(
        self,
        body: Object,
        route: Route,
        size: int,
        turns: Iterable[Turn],
        *,
        prompts: int = 1,
        messages: int = 0,
        end_user: JSON = None,
    ) -> Call:
        """A Call of what a dialect has found, with everything that all dialects read alike."""
        stream = coerce.boolean(body.get("stream"), "stream")
        return Call(
            route=route,
            model=coerce.text(body.get("model"), "model"),
            stream=self.streams if stream is None else stream,
            turns=tuple(turns),
            parameters=parameters.read(body, self.parameters, zero_is_on=self.zero_logprobs),
            prompts=max(1, prompts),
            messages=messages,
            end_user=end_user if isinstance(end_user, str) and end_user else None,
            size=size,
        )

    def read(self, body: Object, route: Route, size: int) -> Call:
        return self.call(body, route, size, ())

    def error(self, failure: Failure) -> bytes:
        return errors.document(errors.openai(failure))

    def error_event(self, failure: Failure) -> bytes:
        return errors.sse(errors.openai(failure))

    def usage(self, message: Object) -> Usage | None:
        return None

    def texts(self, message: Object) -> Iterable[str]:
        return iter(())

    def finished(self, message: Object) -> bool:
        return False

    def token_lists(self, message: Object) -> Iterator[TokenList]:
        return iter(())

    def drop_probabilities(self, message: Object) -> bool:
        return self.drop_extras(message)

    def drop_extras(self, message: Object) -> bool:
        return False

    def strip_reasoning(self, message: Object, seen: Seen = nothing) -> Verdict:
        return "kept"

    def ask_no_reasoning(self, body: Object, *, keep: bool = False) -> bool:
        return False

    def content_parts(self, message: Object) -> Iterator[tuple[str, Object, str]]:
        return iter(())

    def ends(self, message: Object) -> Iterator[str]:
        return iter(())

    def bare(self, message: Object) -> None:
        """Nothing: most events may come again."""


def openai_user(body: Object) -> JSON:
    """The end user of OpenAI's APIs: `safety_identifier`, or `user`, which it replaces."""
    named = coerce.text(body.get("safety_identifier"), "safety_identifier")
    return named or coerce.text(body.get("user"), "user")

"""What a wire API must tell the gateway: bytes ↔ Call, error shapes, and where things live in an answer.

A dialect is stateless and does no I/O. It knows *where* (which keys, which events); *what to do* about
it belongs to `gateway.actions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.model import JSON, Call, Route, Usage

Framing = Literal["sse", "ndjson"]
Object = dict[str, JSON]
Seen = Callable[[str, str], str]
"""What may stay of reasoning, by the stream key of its text and the next piece; without a key, of a whole."""


def nothing(key: str, text: str) -> str:
    """What stays where all of it goes."""
    return ""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error for the client, before it is given a dialect's shape. `kind` picks the error type name.

    `kind` ∈ invalid_request, too_large, unsupported, permission, not_found, rate_limit, upstream,
    timeout, unavailable. `code` is a stable slug; `decision` the opaque id the client may quote.
    """

    status: int
    kind: str
    code: str
    message: str
    decision: str


@dataclass(frozen=True, slots=True)
class ParameterNames:
    """Every body key (dotted for nested ones, e.g. `options.num_predict`) under which a concept may come.

    The union over the engines that serve this dialect: engines accept each other's extras (a chat body
    with `n_probs` is honoured by llama.cpp), so a reader that knows one name is dodged by another.
    """

    max_tokens: tuple[str, ...] = ()
    n: tuple[str, ...] = ()
    best_of: tuple[str, ...] = ()
    logprobs: tuple[str, ...] = ()
    """Keys that switch probabilities on (bool) or ask for k of them (int)."""
    top_logprobs: tuple[str, ...] = ()
    prompt_logprobs: tuple[str, ...] = ()
    logit_bias: tuple[str, ...] = ()
    echo: tuple[str, ...] = ()
    grammar: tuple[str, ...] = ()
    by_degree: tuple[str, ...] = ()
    """Keys that raise, lower or cut off tokens by a number: beside a mask each weighs two tokens."""
    temperature: tuple[str, ...] = ()
    top_p: tuple[str, ...] = ()
    seed: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()
    """Top-level body keys that may stay when an action restricts probabilities; all others are dropped."""


class TokenList(Protocol):
    """The probabilities of one stretch of output, in whatever shape; edited in place.

    `narrow` keeps the `k` best alternatives per token in their order, rounds to `decimals` places
    (None: not at all), and replaces the log-probability of a sampled token outside the best `best`
    (None: `k`) alternatives of the answer by -9999.0 (OpenAI's own value for "very unlikely"). `best`
    is at least `k`: a client that asked for no alternatives still gets its sampled tokens' values.
    """

    def narrow(self, k: int, decimals: int | None, best: int | None = None) -> None: ...


class Dialect(Protocol):
    """One wire API. `message` below is a whole JSON answer or the JSON of one stream event."""

    name: str
    framing: Framing
    parameters: ParameterNames

    def read(self, body: Object, route: Route, size: int) -> Call:
        """The call in a decoded body. Raises CallError(400, …) for wrong types; never anything else."""
        ...

    def error(self, failure: Failure) -> bytes:
        """A JSON error body in this API's shape."""
        ...

    def error_event(self, failure: Failure) -> bytes:
        """The bytes that end a broken stream in this API's shape, framing included; no `[DONE]`."""
        ...

    def usage(self, message: Object) -> Usage | None:
        """Token counts in an answer or event, None where it carries none.

        In streams that report cumulatively or in parts, a later value replaces earlier non-zero ones
        field by field (`gateway.usage.Meter` does that).
        """
        ...

    def texts(self, message: Object) -> Iterable[str]:
        """The pieces of generated text (answer, reasoning, tool arguments) in an answer or event."""
        ...

    def finished(self, message: Object) -> bool:
        """Whether this event says that the stream is complete (a terminal marker of this API)."""
        ...

    def token_lists(self, message: Object) -> Iterator[TokenList]:
        """Every place in an answer or event that carries probabilities of generated tokens."""
        ...

    def drop_probabilities(self, message: Object) -> bool:
        """Remove every probability (and unknown keys that may carry them); whether anything changed."""
        ...

    def drop_extras(self, message: Object) -> bool:
        """Remove answer keys that are not of this API and may carry probabilities or prompts."""
        ...

    def strip_reasoning(self, message: Object, seen: Seen = nothing) -> Literal["kept", "changed", "drop"]:
        """Take reasoning out of its own fields and out of usage; `drop`: forget the whole event.

        `seen` is asked what of each text may stay. Signed reasoning stays whole or goes whole, so that what
        the client sends back is valid. Reasoning inside the answer text (`<think>`) is handled by
        `content_parts` and the action.
        """
        ...

    def ask_no_reasoning(self, body: Object, *, keep: bool = False) -> bool:
        """Ask the server, in a request, for no reasoning, with `keep` only for none that is signed.

        Returns whether anything changed.
        """
        ...

    def content_parts(self, message: Object) -> Iterator[tuple[str, Object, str]]:
        """(stream key, holder, key) for each answer text, so that `holder[key]` may be read and replaced.

        The stream key names the text over events (`"0"` for choice 0), for editors that keep state.
        """
        ...

    def ends(self, message: Object) -> Iterator[str]:
        """The stream keys of texts that this message completes: no piece of them comes after it."""
        ...

    def bare(self, message: Object) -> None:
        """Take out of an event what must not come twice, so that it may carry more text of its stream."""
        ...

"""What is to be said, before it is put into an API's shape: text, reasoning, or a tool call.

Every API's module fills in an `Ask` and words the `Generation`; the rules of the script are here alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from gateway.demo.schema import instance
from gateway.demo.wire import Object
from gateway.demo.words import Token, identifier, pieces, seed_of, story, thought, weigh
from gateway.model import JSON

REASONER = "demo-reasoner"
"""The model that shows its reasoning without being asked."""

MODELS = ("demo", REASONER, "demo-embedding")
CREATED = 1_735_689_600
"""Seconds since the epoch (2025-01-01) for every `created` field: the demo has no clock."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the client offers."""

    name: str
    parameters: JSON


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of it. `arguments` is a JSON text."""

    id: str
    name: str
    arguments: str

    @property
    def values(self) -> Object:
        """The arguments as an object."""
        values: Object = json.loads(self.arguments)
        return values


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, whatever API it came by."""

    model: str
    prompt: str
    """All of the conversation."""
    question: str = ""
    """Its last turn, if that is the user's: empty after a tool's result."""
    limit: int | None = None
    stops: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    must_call: bool | str = False
    """A call is required: of any tool, or of the named one."""
    schema: JSON = None
    """The answer must be JSON of this schema."""
    reasoning: bool = False
    probabilities: int | None = None
    """Alternatives per token; None for none at all, 0 for the token's own alone."""
    seed: int = 0

    @property
    def prompt_tokens(self) -> int:
        """The size of the prompt."""
        return len(pieces(self.prompt))


@dataclass(frozen=True, slots=True)
class Generation:
    """One answer."""

    tokens: tuple[Token, ...]
    reasoning: tuple[str, ...] = ()
    call: ToolCall | None = None
    finish: Literal["stop", "length", "tool"] = "stop"
    stopped_by: str | None = None
    """The stop sequence that ended the text."""

    @property
    def text(self) -> str:
        """The visible answer."""
        return "".join(token.text for token in self.tokens)

    @property
    def thought(self) -> str:
        """The reasoning."""
        return "".join(self.reasoning)

    @property
    def output_tokens(self) -> int:
        """All that was generated."""
        called = len(pieces(self.call.arguments)) + 1 if self.call is not None else 0
        return len(self.tokens) + len(self.reasoning) + called


def generate(ask: Ask, index: int = 0) -> Generation:
    """The answer number `index` to a request; the same for the same request."""
    seed = seed_of(ask.model, ask.prompt, ask.seed, index)
    reasoning = tuple(pieces(thought(ask.prompt))) if ask.reasoning or ask.model == REASONER else ()
    if ask.limit is not None:
        reasoning = reasoning[: ask.limit]
    call = _call(ask, seed)
    if call is not None:
        return Generation((), reasoning, call, "tool")
    text = story(ask.prompt, seed) if ask.schema is None else json.dumps(instance(ask.schema))
    text, stopped_by = _cut(text, ask.stops)
    words = pieces(text)
    left = len(words) if ask.limit is None else ask.limit - len(reasoning)
    # APIs without a name for "the token alone" ask for 0; the token itself always comes along.
    k = max(ask.probabilities or 0, 1)
    tokens = tuple(weigh(word, position, seed, k) for position, word in enumerate(words[:left]))
    if left < len(words):
        return Generation(tokens, reasoning, finish="length")
    return Generation(tokens, reasoning, stopped_by=stopped_by)


def _call(ask: Ask, seed: int) -> ToolCall | None:
    if not ask.tools:
        return None
    tool = ask.tools[0]
    if isinstance(ask.must_call, str):
        tool = next((tool for tool in ask.tools if tool.name == ask.must_call), tool)
    elif not ask.must_call:
        named = [tool for tool in ask.tools if tool.name in ask.question]
        if not named:
            return None
        tool = named[0]
    arguments = instance(tool.parameters)
    text = json.dumps(arguments if isinstance(arguments, dict) else {})
    return ToolCall(identifier("call_", seed, tool.name), tool.name, text)


def _cut(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    """The text up to the first stop sequence in it, and that sequence."""
    found = [(text.find(stop), stop) for stop in stops if stop and stop in text]
    if not found:
        return text, None
    place, stop = min(found)
    return text[:place], stop


JSON_OBJECT: Object = {"type": "object", "properties": {"note": {"const": "scripted by the demo upstream"}}}
"""The schema of answers that must be JSON, but of no particular schema."""


def wanted_schema(form: Object) -> JSON:
    """The schema in an OpenAI `response_format` or `text.format`, None for plain text."""
    kind = form.get("type")
    if kind == "json_object":
        return JSON_OBJECT
    if kind != "json_schema":
        return None
    # chat nests what responses has flat; a schema that is not there is any object.
    nested = form.get("json_schema")
    holder = nested if isinstance(nested, dict) else form
    schema = holder.get("schema")
    return schema if isinstance(schema, dict) else JSON_OBJECT

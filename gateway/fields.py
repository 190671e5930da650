"""The vocabulary of conditions: every field that a policy may read, with its type and its phase.

One table, read by the condition compiler, the `field` detector, the documentation and the schema. A
field that needs the answer is `late`: whatever reads it counts from the next request on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from gateway.dialects import NAMES
from gateway.model import Call, Client, Outcome, Principal, Turn

Value: TypeAlias = str | float | bool | tuple[str, ...] | None
Kind = Literal["number", "text", "flag", "list"]
Workload = Literal["agent", "person", "evaluation", "retrieval", "batch", "unknown"]
"""What sort of program or person a principal is (`gateway.signals.kind` has the rules)."""


HEAD, TAIL = 800, 400
"""Characters of the edges of a longer prompt: templates and instructions stand there, documents between."""


@dataclass(slots=True)
class Facts:
    """All that is known about one call while it is scored; created by the engine for each call.

    `fresh` are the turns to score: the system prompt, the new turn, and any replayed turn that this
    principal has not sent before. `outcome` is None until the answer has ended. `memo` keeps what was
    computed once (joined texts, pattern matches) for the rest of the call.
    """

    call: Call
    principal: Principal
    client: Client
    now: float
    fresh: tuple[Turn, ...] = ()
    first_seen: float | None = None
    outcome: Outcome | None = None
    workload: Workload = "unknown"
    """Put here before the call is assessed, where the plan has a field that reads it."""
    memo: dict[object, Any] = field(default_factory=dict)

    def text(self, *roles: str) -> str:
        """The fresh text under `roles`, joined by newlines."""
        found: str | None = self.memo.get(roles)
        if found is None:
            found = "\n".join([turn.text for turn in self.fresh if turn.role in roles])
            self.memo[roles] = found
        return found

    def edges(self) -> str:
        """The beginning and the end of the new user text; all of a short one."""
        found: str | None = self.memo.get("edges")
        if found is None:
            text = self.text("user")
            found = text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"
            self.memo["edges"] = found
        return found

    def replied(self) -> bool:
        """Whether earlier answers are replayed: a prefill at the end is none."""
        return any(turn.role == "assistant" for turn in self.call.turns[:-1])


@dataclass(frozen=True, slots=True)
class Field:
    """One readable field: its type, whether it is known only after the answer, and how to read it."""

    name: str
    kind: Kind
    doc: str
    get: Callable[[Facts], Value]
    late: bool = False
    choices: Collection[str] = ()
    """The words that a text can be, where the vocabulary is closed."""
    told_by: frozenset[str] = frozenset()
    """Of a field that is told from earlier calls: the fields of those, without which it is not known."""


def _usage(name: str) -> Callable[[Facts], Value]:
    def get(facts: Facts) -> Value:
        usage = facts.outcome.usage if facts.outcome else None
        return None if usage is None else float(getattr(usage, name))

    return get


def _parameter(name: str) -> Callable[[Facts], Value]:
    def get(facts: Facts) -> Value:
        value: Value = getattr(facts.call.parameters, name)
        return value

    return get


def _age_days(facts: Facts) -> Value:
    began = facts.principal.since if facts.principal.since is not None else facts.first_seen
    return None if began is None else max(0.0, facts.now - began) / 86400


_ALL = ("system", "user", "tool", "assistant")

_TABLE: tuple[Field, ...] = (
    Field(
        "request.endpoint",
        "text",
        "what is asked for: an answer, an embedding, a count",
        lambda f: f.call.route.endpoint,
        choices=("chat", "completions", "responses", "messages", "embeddings", "count_tokens", "models"),
    ),
    Field("request.dialect", "text", "wire API", lambda f: f.call.route.dialect, choices=NAMES),
    Field("request.route", "text", "canonical path", lambda f: f.call.route.path),
    Field("request.model", "text", "model name as the client sent it", lambda f: f.call.model),
    Field("request.stream", "flag", "a streamed answer is asked for", lambda f: f.call.stream),
    Field("request.bytes", "number", "size of the decoded body", lambda f: f.call.size),
    Field("request.messages", "number", "messages in the conversation", lambda f: f.call.messages),
    Field("request.prompts", "number", "independent prompts in this request", lambda f: f.call.prompts),
    Field("request.max_tokens", "number", "most generous output limit given", _parameter("max_tokens")),
    Field("request.n", "number", "answers asked for per prompt", _parameter("n")),
    Field("request.best_of", "number", "candidates sampled per answer", _parameter("best_of")),
    Field("request.temperature", "number", "sampling temperature", _parameter("temperature")),
    Field("request.top_p", "number", "nucleus sampling mass", _parameter("top_p")),
    Field("request.seed", "number", "sampling seed", _parameter("seed")),
    Field("request.stop", "number", "number of stop sequences", _parameter("stop")),
    Field("request.logprobs", "flag", "token probabilities are asked for", _parameter("logprobs")),
    Field("request.top_logprobs", "number", "alternatives asked for per token", _parameter("top_logprobs")),
    Field(
        "request.prompt_logprobs",
        "number",
        "alternatives asked for per prompt token",
        _parameter("prompt_logprobs"),
    ),
    Field("request.logit_bias", "number", "entries of the bias map", _parameter("logit_bias")),
    Field("request.echo", "flag", "the prompt is echoed", _parameter("echo")),
    Field(
        "request.grammar", "flag", "output is forced into a grammar, schema or choice", _parameter("grammar")
    ),
    Field("request.tools", "number", "tools offered to the model", _parameter("tools")),
    Field("request.reasoning", "flag", "visible reasoning is asked for", _parameter("reasoning")),
    Field("request.batch", "flag", "sent as batch or flexible traffic", _parameter("batch")),
    Field(
        "request.end_user",
        "flag",
        "the dialect's end-user field is filled",
        lambda f: f.call.end_user is not None,
    ),
    Field("request.replied", "flag", "earlier answers are replayed", Facts.replied),
    Field("prompt.user", "text", "new user text", lambda f: f.text("user")),
    Field(
        "prompt.edges",
        "text",
        "the first 800 and the last 400 characters of new user text, where instructions stand",
        Facts.edges,
    ),
    Field("prompt.system", "text", "system or developer text", lambda f: f.text("system")),
    Field("prompt.tool", "text", "new tool results", lambda f: f.text("tool")),
    Field("prompt.text", "text", "all of these and new assistant prefill", lambda f: f.text(*_ALL)),
    Field("prompt.chars", "number", "characters of new user text", lambda f: len(f.text("user"))),
    Field("usage.input_tokens", "number", "prompt tokens", _usage("input_tokens"), late=True),
    Field("usage.output_tokens", "number", "generated tokens", _usage("output_tokens"), late=True),
    Field("usage.reasoning_tokens", "number", "reasoning tokens", _usage("reasoning_tokens"), late=True),
    Field(
        "usage.logprob_tokens",
        "number",
        "output tokens sent with probabilities",
        _usage("logprob_tokens"),
        late=True,
    ),
    Field(
        "response.status",
        "number",
        "HTTP status of the answer",
        lambda f: f.outcome.status if f.outcome else None,
        late=True,
    ),
    Field(
        "response.finished",
        "flag",
        "the answer reached its end",
        lambda f: f.outcome.finished if f.outcome else None,
        late=True,
    ),
    Field(
        "response.text",
        "text",
        "the first 4,096 characters of the answer, without reasoning and tool calls",
        lambda f: f.outcome.text if f.outcome else None,
        late=True,
    ),
    Field("principal.id", "text", "principal id", lambda f: f.principal.id),
    Field(
        "principal.kind",
        "text",
        "how the principal is known",
        lambda f: f.principal.kind,
        choices=("key", "header", "address"),
    ),
    Field("principal.org", "text", "organisation", lambda f: f.principal.org),
    Field("principal.tier", "text", "tier", lambda f: f.principal.tier),
    Field("principal.tags", "list", "tags", lambda f: f.principal.tags),
    Field("principal.age_days", "number", "days since the account began or was first seen", _age_days),
    Field(
        "profile.kind",
        "text",
        "what sort of program or person sends, by its earlier calls; `unknown` below 30 prompts",
        lambda f: f.workload,
        choices=get_args(Workload),
        told_by=frozenset(
            {
                "prompt.user",
                "prompt.system",
                "prompt.tool",
                "request.replied",
                "request.tools",
                "principal.id",
            }
        ),
    ),
    Field("client.ip", "text", "client address behind trusted proxies", lambda f: f.client.ip),
    Field("client.user_agent", "text", "User-Agent", lambda f: f.client.user_agent),
)

FIELDS: Mapping[str, Field] = {entry.name: entry for entry in _TABLE}

"""Ollama: `POST /api/chat`, `/api/generate` and `GET /api/tags`. Answers stream unless told not to.

Shapes as in the API documentation (github.com/ollama/ollama, docs/api.md); durations are nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.demo.plan import JSON_OBJECT, MODELS, REASONER, Ask, Generation, Tool, generate
from gateway.demo.wire import NDJSON, Answer, Body, Object, Stream, Whole, line, text_of
from gateway.demo.words import Token, identifier
from gateway.model import JSON

_CREATED = "2025-01-01T00:00:00Z"
_PER_TOKEN = 3_000_000

# What is said in one event, and how an API puts it: text, reasoning, tool call.
_Shape = Callable[[str, str, Generation | None], Object]


def chat(body: Body) -> Answer:
    """Answer a chat request."""
    messages = body.parts("messages", required=True)
    turns = [(message.text("role"), text_of(message.values.get("content"))) for message in messages]
    functions = [tool.part("function") for tool in body.parts("tools")]
    ask = _ask(
        body,
        "\n".join(text for _, text in turns),
        question=turns[-1][1] if turns[-1][0] == "user" else "",
        tools=tuple(Tool(function.text("name"), function.values.get("parameters")) for function in functions),
    )
    return _answer(body, ask, _as_message)


def completions(body: Body) -> Answer:
    """Answer a generate request."""
    prompt = "\n".join(filter(None, (body.text("system", ""), body.text("prompt", ""))))
    return _answer(body, _ask(body, prompt), _as_response)


def tags() -> Answer:
    """The list of models."""
    details: Object = {"format": "scripted", "family": "demo", "parameter_size": "0"}
    models: list[JSON] = []
    for name in MODELS:
        size: Object = {"modified_at": _CREATED, "size": 0, "digest": identifier("", name)}
        models.append({"name": name, "model": name, **size, "details": details})
    return Whole({"models": models})


def _ask(body: Body, prompt: str, question: str = "", tools: tuple[Tool, ...] = ()) -> Ask:
    options = body.part("options")
    limit = options.integer("num_predict", None, -2, 2**31)
    form = body.values.get("format")
    probabilities = body.integer("top_logprobs", None, 0, 20)
    model = body.text("model")
    return Ask(
        # `think: false` silences a model that would reason.
        model="demo" if model == REASONER and body.values.get("think") is False else model,
        prompt=prompt,
        question=question,
        # -1 and -2 mean no limit.
        limit=None if limit is None or limit < 0 else limit,
        stops=options.strings("stop"),
        tools=tools,
        schema=JSON_OBJECT if form == "json" else form if isinstance(form, dict) else None,
        reasoning=bool(body.values.get("think")),
        probabilities=(probabilities or 0) if body.flag("logprobs") else None,
        seed=options.count("seed", 0, -(2**63), 2**63),
    )


def _answer(body: Body, ask: Ask, shape: _Shape) -> Answer:
    made = generate(ask)
    frame: Object = {"model": body.text("model"), "created_at": _CREATED}
    if body.flag("stream", True):
        return Stream(NDJSON, map(line, _lines(frame, ask, made, shape)))
    said = shape(made.text, made.thought, made)
    return Whole({**frame, **said, **_logprobs(ask, made.tokens), **_end(ask, made)})


def _lines(frame: Object, ask: Ask, made: Generation, shape: _Shape) -> Iterator[Object]:
    for piece in made.reasoning:
        yield {**frame, **shape("", piece, None), "done": False}
    for token in made.tokens:
        yield {**frame, **shape(token.text, "", None), **_logprobs(ask, (token,)), "done": False}
    if made.call:
        yield {**frame, **shape("", "", made), "done": False}
    yield {**frame, **shape("", "", None), **_end(ask, made)}


def _as_message(text: str, thought: str, made: Generation | None) -> Object:
    message: Object = {"role": "assistant", "content": text}
    if thought:
        message["thinking"] = thought
    if made is not None and made.call is not None:
        # Unlike elsewhere the arguments are an object, not JSON in a string.
        message["tool_calls"] = [{"function": {"name": made.call.name, "arguments": made.call.values}}]
    return {"message": message}


def _as_response(text: str, thought: str, made: Generation | None) -> Object:
    return {"response": text, "thinking": thought} if thought else {"response": text}


def _logprobs(ask: Ask, tokens: tuple[Token, ...]) -> Object:
    if ask.probabilities is None:
        return {}
    entries: list[JSON] = []
    for token in tokens:
        entry: Object = _entry(token.text, token.logprob)
        if ask.probabilities:
            entry["top_logprobs"] = [_entry(*one) for one in token.ranked]
        entries.append(entry)
    return {"logprobs": entries}


def _entry(text: str, logprob: float) -> Object:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


def _end(ask: Ask, made: Generation) -> Object:
    spent = made.output_tokens * _PER_TOKEN
    return {
        "done": True,
        "done_reason": "length" if made.finish == "length" else "stop",
        "total_duration": spent + _PER_TOKEN,
        "load_duration": 0,
        "prompt_eval_count": ask.prompt_tokens,
        "prompt_eval_duration": _PER_TOKEN,
        "eval_count": made.output_tokens,
        "eval_duration": spent,
    }

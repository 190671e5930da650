"""OpenAI chat completions: `POST /v1/chat/completions`.

Shapes as in the API reference (platform.openai.com/docs/api-reference/chat); `reasoning_content` as vLLM,
SGLang, llama.cpp and DeepSeek send it.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.demo.plan import CREATED, Ask, Generation, Tool, generate, wanted_schema
from gateway.demo.wire import SSE, Answer, Body, Object, RefusedError, Stream, Whole, data_event, text_of
from gateway.demo.words import Token, identifier, pieces
from gateway.model import JSON

_FINISH: dict[str, str] = {"stop": "stop", "length": "length", "tool": "tool_calls"}
_DONE = b"data: [DONE]\n\n"


def chat(body: Body) -> Answer:
    """Answer a chat request, whole or in events."""
    ask = _read(body)
    n = body.count("n", 1, 1, 128)
    stream = body.flag("stream")
    made = [generate(ask, index) for index in range(n)]
    frame: Object = {
        "id": identifier("chatcmpl-", ask.prompt, ask.seed),
        "object": "chat.completion.chunk" if stream else "chat.completion",
        "created": CREATED,
        "model": ask.model,
        "system_fingerprint": "fp_demo",
    }
    if stream:
        with_usage = body.part("stream_options").flag("include_usage")
        return Stream(SSE, _events(frame, ask, made, with_usage))
    choices: list[JSON] = [_choice(index, one, ask) for index, one in enumerate(made)]
    return Whole({**frame, "choices": choices, "usage": usage(ask, made)})


def usage(ask: Ask, made: list[Generation]) -> Object:
    """Token counts, as chat and text completions name them."""
    output = sum(one.output_tokens for one in made)
    return {
        "prompt_tokens": ask.prompt_tokens,
        "completion_tokens": output,
        "total_tokens": ask.prompt_tokens + output,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": sum(len(one.reasoning) for one in made)},
    }


def _read(body: Body) -> Ask:
    messages = body.parts("messages", required=True)
    turns = [(message.text("role"), text_of(message.values.get("content"))) for message in messages]
    probabilities = body.integer("top_logprobs", None, 0, 20)
    if probabilities is not None and not body.flag("logprobs"):
        raise RefusedError("'top_logprobs' needs 'logprobs' to be true.", "top_logprobs")
    if body.flag("logprobs"):
        probabilities = probabilities or 0
    tools, must_call = _tools(body)
    limit = body.integer("max_completion_tokens", None, 1, 2**31)
    return Ask(
        model=body.text("model"),
        prompt="\n".join(text for _, text in turns),
        question=turns[-1][1] if turns[-1][0] == "user" else "",
        limit=body.integer("max_tokens", None, 1, 2**31) if limit is None else limit,
        stops=body.strings("stop"),
        tools=tools,
        must_call=must_call,
        schema=wanted_schema(body.part("response_format").values),
        probabilities=probabilities,
        seed=body.count("seed", 0, -(2**63), 2**63),
    )


def _tools(body: Body) -> tuple[tuple[Tool, ...], bool | str]:
    functions = [tool.part("function") for tool in body.parts("tools") if tool.text("type") == "function"]
    tools = tuple(Tool(function.text("name"), function.values.get("parameters")) for function in functions)
    choice = body.values.get("tool_choice")
    if isinstance(choice, dict):
        return tools, body.part("tool_choice").part("function").text("name")
    return (() if choice == "none" else tools), choice == "required"


def _choice(index: int, made: Generation, ask: Ask) -> JSON:
    message: Object = {"role": "assistant", "content": None if made.call else made.text, "refusal": None}
    if made.reasoning:
        message["reasoning_content"] = made.thought
    if made.call:
        message["tool_calls"] = [_tool_call(made)]
    logprobs = _logprobs(made.tokens) if ask.probabilities is not None and not made.call else None
    return {
        "index": index,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": _FINISH[made.finish],
    }


def _tool_call(made: Generation) -> Object:
    assert made.call is not None
    function: Object = {"name": made.call.name, "arguments": made.call.arguments}
    return {"id": made.call.id, "type": "function", "function": function}


def _logprobs(tokens: tuple[Token, ...]) -> Object:
    return {"content": [token_entry(token) for token in tokens], "refusal": None}


def token_entry(token: Token) -> Object:
    """One token of `logprobs.content`."""
    return {**_entry(token.text, token.logprob), "top_logprobs": [_entry(*one) for one in token.ranked]}


def _entry(text: str, logprob: float) -> Object:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


# --- streams -----------------------------------------------------------------------------------


def _events(frame: Object, ask: Ask, made: list[Generation], with_usage: bool) -> Iterator[bytes]:
    extra: Object = {"usage": None} if with_usage else {}
    running = [_choice_events(index, one, ask) for index, one in enumerate(made)]
    # Choices take turns, as they do where they are sampled side by side.
    while running:
        for choices in list(running):
            choice = next(choices, None)
            if choice is None:
                running.remove(choices)
            else:
                yield data_event({**frame, "choices": [choice], **extra})
    if with_usage:
        yield data_event({**frame, "choices": [], "usage": usage(ask, made)})
    yield _DONE


def _choice_events(index: int, made: Generation, ask: Ask) -> Iterator[Object]:
    def delta(delta: Object, logprobs: JSON = None, finish: str | None = None) -> Object:
        return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}

    yield delta({"role": "assistant", "content": None if made.call else ""})
    for piece in made.reasoning:
        yield delta({"reasoning_content": piece})
    for token in made.tokens:
        yield delta({"content": token.text}, None if ask.probabilities is None else _logprobs((token,)))
    if made.call:
        start = _tool_call(made)
        start["function"] = {"name": made.call.name, "arguments": ""}
        yield delta({"tool_calls": [{"index": 0, **start}]})
        for piece in pieces(made.call.arguments):
            yield delta({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    yield delta({}, finish=_FINISH[made.finish])

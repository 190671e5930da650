"""OpenAI responses: `POST /v1/responses`.

Shapes as in the API reference (platform.openai.com/docs/api-reference/responses). Nothing is stored: a
`previous_response_id` names nothing here and is an error.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.demo.openai_chat import token_entry
from gateway.demo.plan import CREATED, Ask, Generation, Tool, generate, wanted_schema
from gateway.demo.wire import SSE, Answer, Body, Object, RefusedError, Stream, Whole, named_event, text_of
from gateway.demo.words import Token, identifier, pieces
from gateway.model import JSON


def responses(body: Body) -> Answer:
    """Answer a response request, whole or in events."""
    ask = _read(body)
    made = generate(ask)
    frame: Object = {
        "id": identifier("resp_", ask.prompt, ask.seed),
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": body.values.get("instructions"),
        "max_output_tokens": ask.limit,
        "metadata": {},
        "model": ask.model,
        "output": [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": body.values.get("tool_choice", "auto"),
        "tools": body.values.get("tools", []),
        "top_p": 1.0,
        "text": body.values.get("text") or {"format": {"type": "text"}},
        "usage": None,
    }
    if body.flag("stream"):
        return Stream(SSE, _numbered(_events(frame, ask, made)))
    return Whole(_finished(frame, ask, made))


def _read(body: Body) -> Ask:
    if body.values.get("previous_response_id") is not None:
        raise RefusedError("The demo upstream stores no responses.", "previous_response_id")
    given = body.values.get("input")
    if isinstance(given, str):
        turns = [("user", given)]
    else:
        turns = [
            (item.text("role", ""), text_of(item.values.get("content")))
            for item in body.parts("input", required=True)
        ]
    included = body.strings("include")
    probabilities = body.integer("top_logprobs", None, 0, 20)
    if "message.output_text.logprobs" in included:
        probabilities = probabilities or 0
    tools, must_call = _tools(body)
    return Ask(
        model=body.text("model"),
        prompt="\n".join([body.text("instructions", ""), *(text for _, text in turns)]).strip(),
        question=turns[-1][1] if turns[-1][0] == "user" else "",
        limit=body.integer("max_output_tokens", None, 1, 2**31),
        tools=tools,
        must_call=must_call,
        schema=wanted_schema(body.part("text").part("format").values),
        reasoning=body.part("reasoning").text("effort", "none") != "none",
        probabilities=probabilities,
    )


def _tools(body: Body) -> tuple[tuple[Tool, ...], bool | str]:
    functions = [tool for tool in body.parts("tools") if tool.text("type") == "function"]
    tools = tuple(Tool(function.text("name"), function.values.get("parameters")) for function in functions)
    choice = body.values.get("tool_choice")
    if isinstance(choice, dict):
        return tools, body.part("tool_choice").text("name")
    return (() if choice == "none" else tools), choice == "required"


def _output(ask: Ask, made: Generation) -> list[Object]:
    items: list[Object] = []
    if made.reasoning:
        summary: Object = {"type": "summary_text", "text": made.thought}
        items.append({"id": identifier("rs_", ask.prompt), "type": "reasoning", "summary": [summary]})
    if made.call:
        items.append(
            {
                "id": identifier("fc_", ask.prompt),
                "type": "function_call",
                "status": "completed",
                "call_id": made.call.id,
                "name": made.call.name,
                "arguments": made.call.arguments,
            }
        )
    else:
        items.append(
            {
                "id": identifier("msg_", ask.prompt),
                "type": "message",
                "status": "incomplete" if made.finish == "length" else "completed",
                "role": "assistant",
                "content": [_part(made.text, made.tokens, ask)],
            }
        )
    return items


def _part(text: str, tokens: tuple[Token, ...], ask: Ask) -> Object:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": _logprobs(tokens, ask)}


def _logprobs(tokens: tuple[Token, ...], ask: Ask) -> list[JSON]:
    return [] if ask.probabilities is None else [token_entry(token) for token in tokens]


def _finished(frame: Object, ask: Ask, made: Generation) -> Object:
    cut = made.finish == "length"
    output: list[JSON] = [*_output(ask, made)]
    return {
        **frame,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": output,
        "usage": {
            "input_tokens": ask.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": made.output_tokens,
            "output_tokens_details": {"reasoning_tokens": len(made.reasoning)},
            "total_tokens": ask.prompt_tokens + made.output_tokens,
        },
    }


# --- streams -----------------------------------------------------------------------------------


def _numbered(events: Iterator[Object]) -> Iterator[bytes]:
    for number, event in enumerate(events):
        yield named_event({**event, "sequence_number": number})


def _events(frame: Object, ask: Ask, made: Generation) -> Iterator[Object]:
    yield {"type": "response.created", "response": frame}
    yield {"type": "response.in_progress", "response": frame}
    for index, item in enumerate(_output(ask, made)):
        where: Object = {"output_index": index}
        named: Object = {"item_id": item["id"], **where}
        empty: Object = {"message": [], "reasoning": []}
        start = {**item, "status": "in_progress"} if item["type"] != "reasoning" else dict(item)
        if item["type"] == "message":
            start["content"] = empty["message"]
        elif item["type"] == "reasoning":
            start["summary"] = empty["reasoning"]
        else:
            start["arguments"] = ""
        yield {"type": "response.output_item.added", **where, "item": start}
        yield from _item_events(item, named, ask, made)
        yield {"type": "response.output_item.done", **where, "item": item}
    kind = "response.incomplete" if made.finish == "length" else "response.completed"
    yield {"type": kind, "response": _finished(frame, ask, made)}


def _item_events(item: Object, named: Object, ask: Ask, made: Generation) -> Iterator[Object]:
    if item["type"] == "reasoning":
        yield from _summary_events(named, made)
    elif item["type"] == "function_call":
        for piece in pieces(str(item["arguments"])):
            yield {"type": "response.function_call_arguments.delta", **named, "delta": piece}
        done: Object = {"name": item["name"], "arguments": item["arguments"]}
        yield {"type": "response.function_call_arguments.done", **named, **done}
    else:
        yield from _text_events({**named, "content_index": 0}, ask, made)


def _summary_events(named: Object, made: Generation) -> Iterator[Object]:
    named = {**named, "summary_index": 0}
    kind = "response.reasoning_summary"
    yield {"type": f"{kind}_part.added", **named, "part": {"type": "summary_text", "text": ""}}
    for piece in made.reasoning:
        yield {"type": f"{kind}_text.delta", **named, "delta": piece}
    yield {"type": f"{kind}_text.done", **named, "text": made.thought}
    yield {"type": f"{kind}_part.done", **named, "part": {"type": "summary_text", "text": made.thought}}


def _text_events(named: Object, ask: Ask, made: Generation) -> Iterator[Object]:
    yield {"type": "response.content_part.added", **named, "part": _part("", (), ask)}
    for token in made.tokens:
        logprobs = _logprobs((token,), ask)
        yield {"type": "response.output_text.delta", **named, "delta": token.text, "logprobs": logprobs}
    logprobs = _logprobs(made.tokens, ask)
    yield {"type": "response.output_text.done", **named, "text": made.text, "logprobs": logprobs}
    yield {"type": "response.content_part.done", **named, "part": _part(made.text, made.tokens, ask)}

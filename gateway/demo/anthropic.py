"""Anthropic messages: `POST /v1/messages`, `/v1/messages/count_tokens`, and its list of models.

Shapes as in the API reference (platform.claude.com/docs/en/api/messages, /messages-streaming).
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.demo.plan import JSON_OBJECT, MODELS, Ask, Generation, Tool, generate
from gateway.demo.wire import SSE, Answer, Body, Object, RefusedError, Stream, Whole, named_event, text_of
from gateway.demo.words import identifier, pieces
from gateway.model import JSON

_STOP = {"length": "max_tokens", "tool": "tool_use"}
_CREATED = "2025-01-01T00:00:00Z"


def messages(body: Body) -> Answer:
    """Answer a message request, whole or in events."""
    if body.values.get("max_tokens") is None:
        raise RefusedError("max_tokens: Field required", "max_tokens")
    ask = _read(body)
    made = generate(ask)
    stop = "stop_sequence" if made.stopped_by else _STOP.get(made.finish, "end_turn")
    message: Object = {
        "id": identifier("msg_", ask.prompt),
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [*_blocks(made)],
        "stop_reason": stop,
        "stop_sequence": made.stopped_by,
        "usage": {"input_tokens": ask.prompt_tokens, "output_tokens": made.output_tokens},
    }
    if body.flag("stream"):
        return Stream(SSE, map(named_event, _events(message, made)))
    return Whole(message)


def count_tokens(body: Body) -> Answer:
    """The size of a message request's prompt."""
    return Whole({"input_tokens": _read(body).prompt_tokens})


def models() -> Answer:
    """The list of models, in this API's shape."""
    data: list[JSON] = [_model(name) for name in MODELS]
    return Whole({"data": data, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})


def model(name: str) -> Answer:
    """One model, in this API's shape."""
    if name not in MODELS:
        raise RefusedError(f"model: {name}", "model", 404)
    return Whole(_model(name))


def _model(name: str) -> Object:
    return {"type": "model", "id": name, "display_name": name, "created_at": _CREATED}


def _read(body: Body) -> Ask:
    turns = [
        (message.text("role"), message.values.get("content"))
        for message in body.parts("messages", required=True)
    ]
    # Results of tools come under the user's role here.
    role, last = turns[-1]
    asked = role == "user" and not _holds_result(last)
    texts = [text_of(body.values.get("system")), *(text_of(content) for _, content in turns)]
    thinking = body.part("thinking").values.get("type") in ("enabled", "adaptive")
    tools, must_call = _tools(body)
    return Ask(
        model=body.text("model"),
        prompt="\n".join(texts).strip(),
        question=text_of(last) if asked else "",
        limit=body.integer("max_tokens", None, 1, 2**31),
        stops=body.strings("stop_sequences"),
        tools=tools,
        must_call=must_call,
        schema=_schema(body),
        reasoning=thinking,
    )


def _holds_result(content: JSON) -> bool:
    blocks = content if isinstance(content, list) else []
    return any(isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks)


def _tools(body: Body) -> tuple[tuple[Tool, ...], bool | str]:
    # Server tools have a `type` of their own and no schema; they are never called here.
    offered = [tool for tool in body.parts("tools") if "input_schema" in tool.values]
    tools = tuple(Tool(tool.text("name"), tool.values["input_schema"]) for tool in offered)
    choice = body.part("tool_choice")
    kind = choice.text("type", "auto")
    if kind == "tool":
        return tools, choice.text("name")
    return (() if kind == "none" else tools), kind == "any"


def _schema(body: Body) -> JSON:
    form = body.part("output_config").part("format").values or body.part("output_format").values
    if form.get("type") != "json_schema":
        return None
    schema = form.get("schema")
    return schema if isinstance(schema, dict) else JSON_OBJECT


def _blocks(made: Generation) -> list[Object]:
    blocks: list[Object] = []
    if made.reasoning:
        blocks.append({"type": "thinking", "thinking": made.thought, "signature": _signature(made)})
    if made.call:
        called: Object = {"id": made.call.id, "name": made.call.name, "input": made.call.values}
        blocks.append({"type": "tool_use", **called})
    else:
        blocks.append({"type": "text", "text": made.text})
    return blocks


def _signature(made: Generation) -> str:
    return identifier("demo-signature-", made.thought)


# --- streams -----------------------------------------------------------------------------------


def _events(message: Object, made: Generation) -> Iterator[Object]:
    usage = message["usage"]
    assert isinstance(usage, dict)
    begun: Object = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    begun["usage"] = {**usage, "output_tokens": 1}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(_blocks(made)):
        start, deltas = _parts(block, made)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        if not index:
            yield {"type": "ping"}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    stop: Object = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


def _parts(block: Object, made: Generation) -> tuple[Object, list[Object]]:
    """A block as it begins, and the deltas that fill it."""
    if block["type"] == "text":
        texts: list[Object] = [{"type": "text_delta", "text": token.text} for token in made.tokens]
        return {**block, "text": ""}, texts
    if block["type"] == "thinking":
        thoughts: list[Object] = [{"type": "thinking_delta", "thinking": piece} for piece in made.reasoning]
        signature: Object = {"type": "signature_delta", "signature": block["signature"]}
        return {**block, "thinking": "", "signature": ""}, [*thoughts, signature]
    assert made.call is not None
    arguments = pieces(made.call.arguments)
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in arguments]

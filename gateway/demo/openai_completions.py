"""OpenAI text completions, embeddings and models: the older half of that API.

Shapes as in the API reference (platform.openai.com/docs/api-reference/completions, /embeddings, /models).
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from dataclasses import replace

from gateway.demo.openai_chat import usage
from gateway.demo.plan import CREATED, MODELS, Ask, Generation, generate
from gateway.demo.wire import SSE, Answer, Body, Object, RefusedError, Stream, Whole, data_event
from gateway.demo.words import Token, identifier, pieces, seed_of, vector, weigh
from gateway.model import JSON

_DIMENSIONS = 256


def completions(body: Body) -> Answer:
    """Answer a text completion: every prompt `n` times, whole or in events."""
    prompts = _prompts(body, "prompt")
    n = body.count("n", 1, 1, 128)
    if body.count("best_of", n, 1, 128) < n:
        raise RefusedError("'best_of' must not be less than 'n'.", "best_of")
    ask = Ask(
        model=body.text("model"),
        prompt="\n".join(prompts),
        limit=body.integer("max_tokens", 16, 0, 2**31),
        stops=body.strings("stop"),
        probabilities=body.integer("logprobs", None, 0, 5),
        seed=body.count("seed", 0, -(2**63), 2**63),
    )
    echo = body.flag("echo")
    made = [
        _echoed(one, prompt, ask) if echo else one
        for prompt in prompts
        for one in (generate(replace(ask, prompt=prompt), index) for index in range(n))
    ]
    frame: Object = {
        "id": identifier("cmpl-", ask.prompt, ask.seed),
        "object": "text_completion",
        "created": CREATED,
        "model": ask.model,
    }
    if body.flag("stream"):
        with_usage = body.part("stream_options").flag("include_usage")
        return Stream(SSE, _events(frame, ask, made, with_usage))
    choices: list[JSON] = [
        _choice(index, one.text, one.tokens, ask, one.finish) for index, one in enumerate(made)
    ]
    return Whole({**frame, "choices": choices, "usage": usage(ask, made)})


def _prompts(body: Body, key: str) -> list[str]:
    """The prompts: a text, token numbers, or a list of either."""
    value = body.values.get(key)
    if isinstance(value, list) and value and all(isinstance(item, int) for item in value):
        value = [value]
    items = value if isinstance(value, list) else [value]
    texts = [_as_text(item) for item in items]
    if not texts or None in texts:
        raise RefusedError(f"Invalid value for '{key}': expected a string, tokens, or an array.", key)
    return [text for text in texts if text is not None]


def _as_text(item: JSON) -> str | None:
    if isinstance(item, list) and all(isinstance(number, int) for number in item):
        return " ".join(f"t{number}" for number in item)
    return item if isinstance(item, str) else None


def _echoed(made: Generation, prompt: str, ask: Ask) -> Generation:
    seed = seed_of(prompt)
    k = max(ask.probabilities or 0, 1)
    before = tuple(weigh(text, position, seed, k) for position, text in enumerate(pieces(prompt)))
    return replace(made, tokens=before + made.tokens)


def _choice(
    index: int, text: str, tokens: tuple[Token, ...], ask: Ask, finish: str | None, offset: int = 0
) -> Object:
    logprobs = None if ask.probabilities is None else _logprobs(tokens, offset)
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish}


def _logprobs(tokens: tuple[Token, ...], offset: int) -> Object:
    offsets: list[JSON] = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.text)
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [dict(token.ranked) for token in tokens],
        "text_offset": offsets,
    }


def _events(frame: Object, ask: Ask, made: list[Generation], with_usage: bool) -> Iterator[bytes]:
    for index, one in enumerate(made):
        offset = 0
        for token in one.tokens:
            choice = _choice(index, token.text, (token,), ask, None, offset)
            offset += len(token.text)
            yield data_event({**frame, "choices": [choice]})
        yield data_event({**frame, "choices": [_choice(index, "", (), ask, one.finish)]})
    if with_usage:
        yield data_event({**frame, "choices": [], "usage": usage(ask, made)})
    yield b"data: [DONE]\n\n"


def embeddings(body: Body) -> Answer:
    """Vectors for the inputs, as numbers or (the official SDK's default) as base64 of float32."""
    texts = _prompts(body, "input")
    size = body.count("dimensions", _DIMENSIONS, 1, 4096)
    coded = body.text("encoding_format", "float") == "base64"
    data: list[JSON] = [
        {"object": "embedding", "index": index, "embedding": _embedding(text, size, coded)}
        for index, text in enumerate(texts)
    ]
    tokens = sum(len(pieces(text)) for text in texts)
    counted: Object = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Whole({"object": "list", "data": data, "model": body.text("model"), "usage": counted})


def _embedding(text: str, size: int, coded: bool) -> JSON:
    values = vector(text, size)
    if not coded:
        return list(values)
    return base64.b64encode(struct.pack(f"<{size}f", *values)).decode()


def models() -> Answer:
    """The list of models."""
    return Whole({"object": "list", "data": [_model(name) for name in MODELS]})


def model(name: str) -> Answer:
    """One model."""
    if name not in MODELS:
        raise RefusedError(f"The model '{name}' does not exist.", "model", 404)
    return Whole(_model(name))


def _model(name: str) -> Object:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "demo"}

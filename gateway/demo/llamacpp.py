"""llama.cpp's own completion endpoint: `POST /completion`.

Shapes as in the server's README (github.com/ggml-org/llama.cpp, tools/server). `n_predict` -1 is no limit.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.demo.plan import Ask, Generation, generate
from gateway.demo.wire import SSE, Answer, Body, Object, Stream, Whole, data_event, text_of
from gateway.demo.words import Token, seed_of
from gateway.model import JSON

_MILLISECONDS = 3.0


def completions(body: Body) -> Answer:
    """Answer a completion request."""
    limit = body.integer("n_predict", -1, -1, 2**31)
    given = body.values.get("prompt")
    ask = Ask(
        model="demo",
        prompt=body.text("prompt") if given is None or isinstance(given, str) else text_of(given),
        limit=None if limit == -1 else limit,
        stops=body.strings("stop"),
        schema=body.values.get("json_schema"),
        probabilities=body.integer("n_probs", 0, 0, 100) or None,
        seed=body.count("seed", 0, -(2**63), 2**63),
    )
    made = generate(ask)
    after_sampling = body.flag("post_sampling_probs")
    if body.flag("stream"):
        return Stream(SSE, map(data_event, _events(ask, made, after_sampling)))
    probabilities = _probabilities(made.tokens, ask, after_sampling)
    return Whole({**_end(ask, made), "content": made.text, **probabilities})


def _events(ask: Ask, made: Generation, after_sampling: bool) -> Iterator[Object]:
    for number, token in enumerate(made.tokens, 1):
        counts: Object = {"tokens_predicted": number, "tokens_evaluated": ask.prompt_tokens}
        said: Object = {"index": 0, "content": token.text, "tokens": [_id(token.text)], "stop": False}
        yield {**said, "id_slot": -1, **counts, **_probabilities((token,), ask, after_sampling)}
    yield {**_end(ask, made), "content": ""}


def _end(ask: Ask, made: Generation) -> Object:
    kind = "limit" if made.finish == "length" else "word" if made.stopped_by else "eos"
    count = len(made.tokens)
    return {
        "index": 0,
        "content": "",
        "tokens": [],
        "id_slot": 0,
        "stop": True,
        "model": ask.model,
        "tokens_predicted": count,
        "tokens_evaluated": ask.prompt_tokens,
        "generation_settings": {"n_predict": -1 if ask.limit is None else ask.limit, "seed": ask.seed},
        "prompt": ask.prompt,
        "has_new_line": False,
        "truncated": False,
        "stop_type": kind,
        "stopping_word": made.stopped_by or "",
        "tokens_cached": ask.prompt_tokens + count,
        "timings": {
            "prompt_n": ask.prompt_tokens,
            "predicted_n": count,
            "predicted_ms": count * _MILLISECONDS,
        },
    }


def _probabilities(tokens: tuple[Token, ...], ask: Ask, after_sampling: bool) -> Object:
    if ask.probabilities is None:
        return {}
    alternatives = "top_probs" if after_sampling else "top_logprobs"
    entries: list[JSON] = [
        {
            **_entry(token.text, token.logprob, after_sampling),
            alternatives: [_entry(*one, after_sampling) for one in token.ranked],
        }
        for token in tokens
    ]
    return {"completion_probabilities": entries}


def _entry(text: str, logprob: float, after_sampling: bool) -> Object:
    shown: Object = {"prob": 2.718281828459045**logprob} if after_sampling else {"logprob": logprob}
    return {"id": _id(text), "token": text, "bytes": list(text.encode()), **shown}


def _id(text: str) -> int:
    return seed_of(text) % 32_000

"""A small softmax model that answers as llama.cpp's server does, behind a gateway's action or not."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.responses.logprobs_wire import Body, Shape
from gateway import actions, dialects
from gateway.actions.base import Action
from gateway.dialects.base import Object
from gateway.model import Route

ROUTE = Route("llamacpp", "completions", "/completion")


def narrow(**options: Any) -> Action:
    """The action as the shipped rung `narrow` has it."""
    kind = actions.get("logprobs")
    return kind(kind.options_type.model_validate({"max_top": 5, "decimals": 2, **options}))


@dataclass
class Toy:
    """`vocabulary` tokens named t0, t1 … over `width` hidden numbers, which are drawn by the prompt."""

    width: int = 24
    vocabulary: int = 512
    before: Action | None = None
    """The response of the gateway between the attacker and the model."""
    queries: int = 0
    weights: Any = field(init=False)
    chance: Any = field(init=False)

    def __post_init__(self) -> None:
        self.chance = np.random.default_rng(1)
        self.weights = np.random.default_rng(self.width).normal(size=(self.vocabulary, self.width))

    def logits(self, prompt: str) -> Any:
        """What the model thinks of every token."""
        hidden = np.random.default_rng(zlib.crc32(prompt.encode())).normal(size=self.width)
        return self.weights @ hidden

    def ask(self, shape: Shape, body: Body) -> bytes:
        """One answer, through the gateway's action if there is one."""
        self.queries += 1
        if self.before is None:
            return json.dumps(self.answer(body)).encode()
        dialect = dialects.get("llamacpp")
        sent: Object = json.loads(json.dumps(body))
        call = dialect.read(sent, ROUTE, 0)
        editor = self.before.editor(call, dialect, body)
        self.before.edit_request(call, dialect, sent)
        answer = self.answer(sent)
        if editor is not None:
            editor.edit(answer)
        return json.dumps(answer).encode()

    def answer(self, body: Any) -> Object:
        """The engine: penalty, bias, mask, cut-off and temperature, in the order of the real one."""
        raw = self.logits(body["prompt"])
        weighed = raw.copy()
        for token in body["prompt"].split():
            weighed[int(token[1:])] -= body.get("presence_penalty", 0.0)
        for token, bias in body.get("logit_bias", []):
            weighed[token] += bias
        if "grammar" in body:
            allowed = [int(word[1:]) for word in body["grammar"].split('"')[1::2]]
            mask = np.full_like(weighed, -np.inf)
            mask[allowed] = 0
            weighed = weighed + mask
        after = np.exp(weighed - weighed.max())
        after[after < body.get("min_p", 0.05)] = 0
        hot = np.where(
            after > 0, np.exp(np.log(np.maximum(after, 1e-300)) / max(body["temperature"], 1e-9)), 0
        )
        token = int(weighed.argmax()) if body["temperature"] == 0 else self._draw(hot)
        told = after / after.sum() if body.get("post_sampling_probs") else raw - np.log(np.exp(raw).sum())
        name = "prob" if body.get("post_sampling_probs") else "logprob"
        return self._told(token, told, name, body.get("n_probs", 0))

    def _draw(self, shares: Any) -> int:
        return int(self.chance.choice(self.vocabulary, p=shares / shares.sum()))

    def _told(self, token: int, told: Any, name: str, top: int) -> Object:
        answer: Object = {"content": f"t{token}", "stop": True}
        if top:
            best: list[Any] = [self._entry(int(one), told, name) for one in np.argsort(-told)[:top]]
            answer["completion_probabilities"] = [self._entry(token, told, name) | {f"top_{name}s": best}]
        return answer

    def _entry(self, token: int, told: Any, name: str) -> Any:
        return {"id": token, "token": f"t{token}", name: float(told[token])}

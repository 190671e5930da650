"""Attacks of our own on a model's output layer, over any server that speaks one of the wire shapes.

Reading: probabilities are asked for, steered by a bias map or a temperature so that other tokens show.
Weighing: none is asked for; one token is raised by degrees until greedy decoding (or a sample at a high
temperature) gives it. Both give log-probabilities up to a constant; what follows is `logprobs_algebra`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import exp, nan
from typing import Protocol

from benchmarks.responses.logprobs_wire import NATIVE, Body, Shape, Values, messages, text, values
from tests.real.model_server import VOCABULARY_SIZE

RAISE = 60.0
"""Nats by which a bias map raises the tokens that are to show: above every other."""
ALL = {"top_k": 0, "top_p": 1, "min_p": 0}
"""No token is cut off before it can be seen."""


class Victim(Protocol):
    """Whoever answers requests: a server, or what stands for one."""

    def ask(self, shape: Shape, body: Body) -> bytes: ...


def read(target: Victim, shape: Shape, prompt: str, tokens: Sequence[int], top: int) -> Values:
    """What one prompt tells of `tokens` by bias maps of `top` entries, one query each.

    The server says log-probabilities before the bias and only of the likeliest, but with
    `post_sampling_probs` the probabilities after it: then the raised tokens are the likeliest.
    """
    first, found = tokens[0], Values()
    for begin in range(1, len(tokens), top - 1):
        # Every map holds the first token too, which ties the pieces together.
        chosen = (first, *tokens[begin : begin + top - 1])
        bias = [[token, RAISE] for token in chosen]
        steered = {"logit_bias": bias, "post_sampling_probs": True, **ALL, "temperature": 1}
        told = values(target.ask(shape, shape.body(prompt, top, **steered)))
        if first in told:
            found |= {token: told[token] - told[first] for token in chosen if token in told}
    return found


def matrix(ask: Callable[[str], Values], prompts: Iterable[str], tokens: Sequence[int]) -> list[list[float]]:
    """Prompts by tokens; NaN where an answer did not tell."""
    return [[found.get(token, nan) for token in tokens] for found in map(ask, prompts)]


def force(target: Victim, shape: Shape, prompt: str, tokens: Sequence[int]) -> Values:
    """One token after another is made the answer by a bias of 100, and its value is told: 1 query each."""
    found: Values = {}
    for token in tokens:
        told = values(target.ask(shape, shape.body(prompt, 1, logit_bias=[[token, 100]])))
        found |= {token: told[token]} if token in told else {}
    return found


def heat(target: Victim, shape: Shape, prompt: str, queries: int) -> Values:
    """At a temperature of a million each answer is a random token with its value."""
    found: Values = {}
    for seed in range(queries):
        found |= values(target.ask(shape, shape.body(prompt, 1, **ALL | {"temperature": 1e6, "seed": seed})))
    return found


# --- weighing ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """A token that stands in the prompt and whose logit is wanted, and a likelier one; ids and texts."""

    wanted: tuple[int, str]
    reference: tuple[int, str]


def listed(victim: Victim, prompt: str) -> list[Body]:
    """The whole vocabulary after `prompt`, the likeliest first; only of a server that tells."""
    answer = messages(victim.ask(NATIVE, NATIVE.body(prompt, VOCABULARY_SIZE)))[0]
    found: list[Body] = answer["completion_probabilities"][0]["top_logprobs"]
    return found


def pairs(victim: Victim, count: int) -> tuple[str, list[tuple[Pair, float]]]:
    """A prompt that holds `count` tokens, and each beside the likeliest one with their distance in nats."""
    words = [one for one in listed(victim, "Once upon a") if one["token"][1:].isalpha()]
    chosen = [words[place * 40 + 40] for place in range(count)]
    prompt = "".join(one["token"] for one in chosen) + ". Once upon a"
    after = listed(victim, prompt)
    told = {one["id"]: one["logprob"] for one in after}
    best = (after[0]["id"], after[0]["token"])
    return prompt, [
        (Pair((one["id"], one["token"]), best), after[0]["logprob"] - told[one["id"]]) for one in chosen
    ]


@dataclass(frozen=True, slots=True)
class Knob:
    """A parameter that weighs two tokens.

    `body(pair, degree)` makes the request; the wanted token shows from the degree on that is its distance
    from the reference (nats). `tries`: how often it is asked, as samples may miss.
    """

    name: str
    body: Callable[[Pair, float], Body]
    tries: int = 1


def _bias(pair: Pair, degree: float) -> Body:
    return {"logit_bias": [[pair.wanted[0], 100 + degree], [pair.reference[0], 100]]}


def _mask(pair: Pair) -> Body:
    return {"logit_bias": [[pair.wanted[0], 100], [pair.reference[0], 100]]}


def _penalty(pair: Pair, degree: float) -> Body:
    return _mask(pair) | {"presence_penalty": -degree, "repeat_last_n": 64}


def _grammar(pair: Pair, degree: float) -> Body:
    rule = f'root ::= "{pair.wanted[1]}" | "{pair.reference[1]}"'
    return {"grammar": rule, "presence_penalty": -degree, "repeat_last_n": 64}


def _cut(pair: Pair, degree: float) -> Body:
    return _mask(pair) | {"temperature": 1e6, "top_k": 0, "top_p": 1, "min_p": exp(-degree)}


KNOBS = (
    Knob("logit_bias by degrees", _bias),
    Knob("presence_penalty beside a mask", _penalty),
    Knob("presence_penalty beside a grammar", _grammar),
    Knob("min_p beside a mask, hot", _cut, tries=8),
)


def weigh(target: Victim, shape: Shape, prompt: str, pair: Pair, knob: Knob, steps: int = 12) -> float | None:
    """The distance of two logits in nats by bisection between 0 and 40; None if nothing ever changes."""
    low, high = 0.0, 40.0
    shown = False
    for _ in range(steps):
        degree = (low + high) / 2
        body = shape.body(prompt, 0) | knob.body(pair, degree)
        if any(text(target.ask(shape, body)) == pair.wanted[1] for _ in range(knob.tries)):
            high, shown = degree, True
        else:
            low = degree
    return (low + high) / 2 if shown and low > 0 else None


def exclude(target: Victim, shape: Shape, prompt: str, thresholds: Sequence[float]) -> dict[float, str]:
    """XTC gives the least likely token above a threshold on probability: one token with its value."""
    told: dict[float, str] = {}
    for threshold in thresholds:
        steered = {"xtc_probability": 1.0, "xtc_threshold": threshold, **ALL}
        told[threshold] = text(target.ask(shape, shape.body(prompt, 0, **steered)))
    return told

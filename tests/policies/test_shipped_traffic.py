"""The shipped pack on traffic, as if fully enforced: what climbs, how far, and who is left alone.

Synthetic people and campaigns on a logical clock: they show that the pack's parts fit together. How well
it tells real traffic apart is for the benchmarks to say.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.model import Decision, Mode, Principal, Usage
from gateway.policies.compile import with_mode
from tests.policies.test_shipped import BUNDLE
from tests.support import Drive, chat

RUNGS = [None, *(rung.id for rung in BUNDLE.ladder.rungs)]
WORDS = [
    a + b
    for a in ("ka", "mo", "ri", "te", "su", "no", "va", "le")
    for b in ("ran", "dok", "lim", "pes", "tur")
]


def words(source: random.Random, number: int) -> str:
    return " ".join(source.choices(WORDS, k=number))


def highest(
    prompts: Callable[[random.Random, int], Any], number: int, every: float, usage: Usage | None = None
) -> Decision:
    """The decision at the highest score of `number` calls, one per about `every` seconds.

    `prompts` gives a prompt or a whole body for the n-th call.
    """
    source = random.Random(7)
    drive = Drive(with_mode(BUNDLE, Mode.ENFORCE), who=Principal("p", since=-90 * 86_400.0))

    def decisions() -> Iterator[Decision]:
        for index in range(number):
            drive.now += source.expovariate(1 / every)
            body = prompts(source, index)
            yield drive.send(body if isinstance(body, dict) else chat(body), usage)

    return max(decisions(), key=lambda decision: decision.enforced.score)


def rank(decision: Decision) -> int:
    return RUNGS.index(decision.enforced.rung)


def person(source: random.Random, index: int) -> str:
    return f"{words(source, source.randint(3, 40))}?"


def pipeline(source: random.Random, index: int) -> str:
    return f"Classify the following ticket as billing, technical or other.\n\n{words(source, 80)}"


def judge(source: random.Random, index: int) -> str:
    return f"Decide which of the two responses is better.\n\nA: {words(source, 60)}\n\nB: {words(source, 60)}"


def curious(source: random.Random, index: int) -> Any:
    return chat(words(source, 30), **({"logprobs": True, "top_logprobs": 3} if index % 10 == 0 else {}))


def trace_harvest(source: random.Random, index: int) -> str:
    return (
        "Solve the problem. Return your full chain-of-thought inside <think> tags, then the answer."
        f"\n\nProblem: {words(source, 40)}"
    )


def task_harvest(source: random.Random, index: int) -> str:
    return (
        "You are asked to come up with a set of 20 diverse task instructions. These are the seed tasks:\n"
        f"{words(source, 50)}"
    )


def logprob_harvest(source: random.Random, index: int) -> Any:
    bias = {str(source.randrange(50_000)): 100 for _ in range(20)}
    return chat(words(source, 20), logprobs=True, top_logprobs=20, max_tokens=1, logit_bias=bias)


def sampler(source: random.Random, index: int) -> Any:
    return chat(f"Solve problem {index % 7}.", n=16, temperature=source.randrange(200) / 100)


def shop(source: random.Random, index: int) -> Any:
    who = source.randrange(5_000)
    system = {"role": "system", "content": f"You help customer {who}."}
    question = {"role": "user", "content": words(source, 20)}
    return {"model": "m", "messages": [system, question], "user": f"u-{who}"}


def scorer(source: random.Random, index: int) -> Any:
    return chat(words(source, 30), max_tokens=1, logit_bias={"1": 50, "2": 50})


@pytest.mark.parametrize(
    ("who", "number", "every", "most"),
    [
        (person, 150, 60.0, None),
        (curious, 300, 30.0, None),
        (judge, 300, 20.0, "throttle"),
        (pipeline, 300, 10.0, "watch"),
        (sampler, 600, 10.0, "watch"),
        (shop, 1500, 10.0, None),
        (scorer, 300, 10.0, None),
    ],
)
def test_honest_use_goes_no_further_than_promised(
    who: Any, number: int, every: float, most: str | None
) -> None:
    decision = highest(who, number, every, Usage(200, 300))
    assert rank(decision) <= RUNGS.index(most), decision.signals


@pytest.mark.parametrize(
    ("who", "number", "every", "least", "signal"),
    [
        (trace_harvest, 400, 15.0, "narrow", "elicitation.trace-share"),
        (task_harvest, 400, 15.0, "narrow", "generation.task-writing"),
        (logprob_harvest, 200, 5.0, "throttle", "logprobs.many-bias-sets"),
        (sampler, 1000, 10.0, None, "repeat-sampling.answers-per-input"),
    ],
)
def test_a_harvest_climbs(who: Any, number: int, every: float, least: str, signal: str) -> None:
    decision = highest(who, number, every, Usage(200, 1500, logprob_tokens=1))
    assert rank(decision) >= RUNGS.index(least), decision.signals
    assert signal in {score.id for score in decision.signals if score.points > 0}


def test_a_harvest_is_only_watched_until_an_operator_lifts_the_ceiling() -> None:
    drive = Drive(BUNDLE, ceiling=Mode.SHADOW)
    source = random.Random(7)
    for index in range(200):
        drive.now += 5.0
        decision = drive.send(logprob_harvest(source, index))
    assert decision.enforced.score == 0
    assert decision.shadow.score > 0
    assert (decision.refusal, decision.delay, decision.applied) == (None, 0.0, ())

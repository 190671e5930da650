"""The attacks find a small model's logits and width directly, and nothing behind a gateway that narrows."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.responses import logprobs_attacks as attacks
from benchmarks.responses.logprobs_algebra import width
from benchmarks.responses.logprobs_wire import NATIVE, Shape, Values, values
from tests.benchmarks.responses.toy import Toy, narrow

PROMPTS = [f"t{place} t{place + 100}" for place in range(60)]
TOKENS = list(range(0, 500, 10))


def read_all(toy: Toy, top: int = 50) -> Values | list[list[float]]:
    return attacks.matrix(lambda said: attacks.read(toy, NATIVE, said, TOKENS, top), PROMPTS, TOKENS)


@pytest.mark.parametrize("hidden", [12, 24, 40])
@pytest.mark.parametrize(("top", "queries"), [(50, 60), (20, 180)])
def test_reading_finds_the_width_directly_whatever_the_cap_on_alternatives(
    hidden: int, top: int, queries: int
) -> None:
    toy = Toy(hidden)
    assert width(np.array(read_all(toy, top))).found == hidden
    assert toy.queries == queries


def test_forcing_one_token_after_another_finds_the_width_too() -> None:
    toy = Toy()
    found = attacks.matrix(lambda said: attacks.force(toy, NATIVE, said, TOKENS), PROMPTS, TOKENS)
    assert width(np.array(found)).found == toy.width


def test_heat_tells_a_random_tokens_exact_value_with_each_query() -> None:
    toy = Toy()
    found = attacks.heat(toy, NATIVE, PROMPTS[0], 40)
    raw = toy.logits(PROMPTS[0])
    exact = raw - np.log(np.exp(raw).sum())
    assert len(found) > 30
    assert [found[token] for token in found] == pytest.approx([exact[token] for token in found])


@pytest.mark.parametrize("knob", attacks.KNOBS, ids=lambda knob: knob.name)
def test_weighing_finds_logits_without_probabilities_directly_and_none_behind_the_gateway(
    knob: attacks.Knob,
) -> None:
    prompt = "t3 t50 t400"
    raw = Toy().logits(prompt)
    best = int(raw.argmax())
    for token in (3, 50, 400):
        pair = attacks.Pair((token, f"t{token}"), (best, f"t{best}"))
        direct = attacks.weigh(Toy(), NATIVE, prompt, pair, knob)
        assert direct == pytest.approx(raw[best] - raw[token], abs=0.02)
        for steps in (12, 120):
            assert attacks.weigh(Toy(before=narrow()), NATIVE, prompt, pair, knob, steps) is None


@pytest.mark.parametrize("options", [{}, {"off": True}, {"decimals": None}])
def test_behind_the_gateway_the_same_requests_tell_no_logit(options: dict[str, bool]) -> None:
    toy = Toy(before=narrow(**options))
    assert np.isnan(np.array(read_all(toy))).all()
    for prompt in PROMPTS[:5]:
        assert attacks.force(toy, NATIVE, prompt, TOKENS) == {}
        assert attacks.heat(toy, NATIVE, prompt, 50) == {}


def test_behind_the_gateway_a_context_tells_five_values_and_a_repeat_tells_the_same() -> None:
    toy = Toy(before=narrow())

    def plain(shape: Shape, said: str) -> Values:
        return values(toy.ask(shape, shape.body(said, 512)))

    rows = [plain(NATIVE, said) for said in PROMPTS]
    assert {len(row) for row in rows} == {5}
    assert all(plain(NATIVE, PROMPTS[0]) == rows[0] for _ in range(100))
    columns = sorted({token for row in rows for token in row})
    left = iter(rows)
    told = np.array(attacks.matrix(lambda _: next(left), PROMPTS, columns))
    assert width(told).found is None

"""Attacks on the real model's output layer: they find logits directly, and none at the narrow rung.

A few tokens each, as every push runs them; the width itself is looked for by `benchmarks.responses.logprobs`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.responses import logprobs_attacks as attacks
from benchmarks.responses.logprobs_wire import NATIVE, SHAPES, Body, Shape, Target, messages, text, values
from gateway.config import load_config
from gateway.identity import key_principal
from gateway.secret import identity_secret
from tests.processes import SECRET, SHIPPED, GatewayProcess, run_gateway
from tests.real.model_server import ModelServer

CHAT, LEGACY = (next(shape for shape in SHAPES if shape.name.startswith(name)) for name in ("chat", "legacy"))
TELLING = [shape for shape in SHAPES if not shape.name.startswith("responses")]
STORY = "Once upon a time there was a"


@pytest.fixture(scope="module")
def direct(model: ModelServer) -> Iterator[Target]:
    target = Target(model.base_url)
    yield target
    target.close()


@pytest.fixture(scope="module")
def narrow(enforce: GatewayProcess) -> Iterator[Target]:
    target = Target(enforce.url, "rung-narrow", "sk-weighs")
    yield target
    target.close()


@pytest.fixture(scope="module")
def pairs(direct: Target) -> tuple[str, list[tuple[attacks.Pair, float]]]:
    return attacks.pairs(direct, 1)


@pytest.mark.parametrize("shape", TELLING, ids=lambda shape: shape.name)
def test_a_bias_map_shows_chosen_tokens_directly_and_none_at_the_narrow_rung(
    shape: Shape, direct: Target, narrow: Target
) -> None:
    tokens = range(1_000, 1_040)
    assert attacks.read(direct, shape, STORY, tokens, 40).keys() == set(tokens)
    assert attacks.read(narrow, shape, STORY, tokens, 40) == {}
    assert attacks.force(direct, shape, STORY, tokens[:1]).keys() == set(tokens[:1])
    assert attacks.force(narrow, shape, STORY, tokens[:1]) == {}


@pytest.mark.parametrize("knob", attacks.KNOBS, ids=lambda knob: knob.name)
def test_logits_are_weighed_without_probabilities_directly_and_not_at_the_narrow_rung(
    knob: attacks.Knob, pairs: Any, direct: Target, narrow: Target
) -> None:
    prompt, wanted = pairs
    for pair, true in wanted:
        assert attacks.weigh(direct, NATIVE, prompt, pair, knob) == pytest.approx(true, abs=0.1)
        assert attacks.weigh(narrow, NATIVE, prompt, pair, knob) is None


@pytest.mark.parametrize("shape", [CHAT, LEGACY], ids=lambda shape: shape.name)
def test_the_public_apis_weigh_tokens_as_well_and_not_at_the_narrow_rung(
    shape: Shape, direct: Target, narrow: Target
) -> None:
    best, *_, wanted = messages(direct.ask(shape, shape.body(STORY, 40)))[0]["choices"][0]["logprobs"][
        "content"
    ][0]["top_logprobs"]
    pair = attacks.Pair((wanted["id"], wanted["token"]), (best["id"], best["token"]))
    distance = best["logprob"] - wanted["logprob"]
    assert attacks.weigh(direct, shape, STORY, pair, attacks.KNOBS[0]) == pytest.approx(distance, abs=0.1)
    assert attacks.weigh(narrow, shape, STORY, pair, attacks.KNOBS[0]) is None


def test_a_threshold_that_excludes_likely_tokens_tells_one_token_at_a_time_but_not_at_the_narrow_rung(
    direct: Target, narrow: Target
) -> None:
    thresholds = [10.0**-power for power in range(2, 10)]
    assert len(set(attacks.exclude(direct, NATIVE, STORY, thresholds).values())) > 5
    assert len(set(attacks.exclude(narrow, NATIVE, STORY, thresholds).values())) == 1


@pytest.mark.parametrize("bias", [30, 100])
@pytest.mark.parametrize("shape", [CHAT, LEGACY, NATIVE], ids=lambda shape: shape.name)
def test_a_classifier_that_raises_its_labels_gets_the_same_label_at_the_narrow_rung(
    shape: Shape, bias: int, direct: Target, narrow: Target
) -> None:
    labels = [[one["id"], bias] for one in attacks.listed(direct, "The answer is") if one["token"].isalpha()]
    body = shape.body("I liked it very much. Is that good or bad? The answer is", 0, logit_bias=labels[:2])
    assert text(narrow.ask(shape, body)) == text(direct.ask(shape, body)) != ""


def test_a_classifier_with_five_alternatives_and_a_small_bias_map_keeps_everything(
    direct: Target, shipped: GatewayProcess
) -> None:
    honest = Target(shipped.url, key="sk-classifier")
    for place in range(30):
        body = NATIVE.body(f"Topic of document {place}:", 5, logit_bias=[[1_000, 2], [2_000, 2]])
        assert values(honest.ask(NATIVE, body)) == pytest.approx(values(direct.ask(NATIVE, body)), abs=0.05)
    honest.close()


RESEARCH = "sk-calibration-research"


@pytest.fixture(scope="module")
def shipped(model: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The shipped policies, enforcing, with an exemption for one key."""
    directory = tmp_path_factory.mktemp("shipped")
    shutil.copytree(SHIPPED, directory / "policies")
    identity = load_config(None, {"identity.secret": SECRET}).identity
    exemption = {
        "kind": "exemption",
        "id": "calibration",
        "title": "Calibration research",
        "reason": "Reviewed",
        "owner": "jane",
        "expires": "2099-12-31",
        "match": {"principal.id": key_principal(RESEARCH.encode(), identity_secret(identity))},
        "applies_to": ["logprobs", "soft-labels"],
        "effect": "skip",
    }
    (directory / "policies" / "exemption.yaml").write_text(json.dumps(exemption))
    with run_gateway(directory, model.base_url, "enforce", directory / "policies") as process:
        yield process


def _study(place: int) -> Body:
    """One request of a study that looks like an attack: wide, steered otherwise each time."""
    return NATIVE.body(f"How sure is {place}?", 60, logit_bias=[[1_000 + place, 5]])


def test_calibration_research_goes_on_under_an_exemption_and_is_narrowed_without(
    direct: Target, shipped: GatewayProcess
) -> None:
    exempt, other = Target(shipped.url, key=RESEARCH), Target(shipped.url, key="sk-nobody")
    told = [
        (len(values(exempt.ask(NATIVE, _study(i)))), values(other.ask(NATIVE, _study(i)))) for i in range(15)
    ]
    assert {count for count, _ in told} == {60}
    assert told[-1][1] == {}
    for target in (exempt, other):
        target.close()

"""The mark on a real engine: which routes honour a bias at all, and an answer that is marked on its way."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load_config
from gateway.identity import key_principal
from gateway.marks.greenlist import GreenEvidence
from gateway.marks.keyring import KeyRing
from gateway.policies.load import load_bundle
from gateway.ring import kept_ring
from gateway.secret import identity_secret
from tests.processes import SECRET, GatewayProcess, run_gateway
from tests.real.model_server import MODEL_NAME, ModelServer

ASK = [{"role": "system", "content": ""}, {"role": "user", "content": "Tell me a story of a river."}]
_ROUTES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": ASK, "max_tokens": 40},
    "/v1/completions": {"prompt": "Once upon a time", "max_tokens": 40},
    "/v1/responses": {"input": ASK, "max_output_tokens": 40},
    "/completion": {"prompt": "Once upon a time", "n_predict": 40},
}
_COMMON = """
the and to of in for that with is as on be by this are from at it an or which have will can was their has
one its they about into time also other these them such how when our very people through make way new over
"""
_WORDS = _COMMON.split()
"""Each is one token with its space in this engine's vocabulary, from the commonest."""

_LADDER = """
---
kind: policy
id: all
title: Everybody
mode: enforce
cap: 100
signals: {model: {request: {request.prompts: {gte: 0}}, points: 60}}
---
kind: ladder
id: default
title: One rung
rungs: {mark: {at: 50, do: [{watermark: {tokens: words, engine: llamacpp, strength: 3}}]}}
"""


def post(url: str, path: str, body: dict[str, Any], key: str = "sk-river") -> Any:
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    sent = json.dumps({"model": MODEL_NAME, "temperature": 0, **body}).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, sent, headers), timeout=120) as answer:
        return json.load(answer)


def text_of(answer: Any) -> str:
    """All text in an answer of any route."""
    if isinstance(answer, dict):
        kept = ("choices", "message", "content", "text", "output")
        return "".join(text_of(value) for name, value in answer.items() if name in kept)
    return (
        "".join(map(text_of, answer))
        if isinstance(answer, list)
        else answer
        if isinstance(answer, str)
        else ""
    )


def token(model: ModelServer, word: str) -> int:
    [found] = post(model.base_url, "/tokenize", {"content": f" {word}"})["tokens"]
    return int(found)


@pytest.mark.parametrize("path", _ROUTES)
def test_the_engine_honours_a_bias_as_pairs_on_every_route(path: str, model: ModelServer) -> None:
    body = {**_ROUTES[path], "logit_bias": [[token(model, "river"), 100]]}
    assert text_of(post(model.base_url, path, body)).count(" river") >= 30


def test_the_engine_passes_over_a_bias_in_anthropics_messages(model: ModelServer) -> None:
    # Hence the response leaves that route alone, and says so.
    body = {"messages": ASK[1:], "max_tokens": 40, "logit_bias": [[token(model, "river"), 100]]}
    assert text_of(post(model.base_url, "/v1/messages", body)).count(" river") < 10


@pytest.fixture(scope="module")
def marking(
    model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[GatewayProcess, Path]]:
    """A gateway that marks everybody, and its directory."""
    home = tmp_path_factory.mktemp("marking")
    policies = home / "policies"
    policies.mkdir()
    words = {word: {"id": token(model, word), "count": 100 - place} for place, word in enumerate(_WORDS)}
    vocabulary = {"kind": "vocabulary", "id": "words", "title": "Words", "models": ["*"], "words": words}
    # Always the same keys: what a run shows must not hang on which words its keys happen to favour.
    ring = {"epochs": [{"id": "1", "begins": 0.0, "secret": "2a" * 32}]}
    (home / "ring.json").write_text(json.dumps(ring))
    (home / "ring.json").chmod(0o600)
    (policies / "test.yaml").write_text(f"---\n{json.dumps(vocabulary)}\n{_LADDER}")
    more: dict[str, Any] = {
        "policies": {"allow_actions": ["watermark"]},
        "marks": {"key_ring": str(home / "ring.json")},
    }
    with run_gateway(home / "run", model.base_url, "enforce", policies, more=more) as process:
        yield process, home


def key_of(ring: KeyRing, api_key: str) -> bytes:
    identity = load_config(None, {"identity.secret": SECRET}).identity
    return ring.epochs[0].key(key_principal(api_key.encode(), identity_secret(identity)))


@pytest.mark.parametrize("path", _ROUTES)
def test_what_is_marked_is_what_the_engine_says_under_the_keys_biases(
    path: str, model: ModelServer, marking: tuple[GatewayProcess, Path]
) -> None:
    process, home = marking
    words = load_bundle(home / "policies").vocabularies["words"]
    key = key_of(kept_ring(home / "ring.json"), "sk-river")
    biases = [[token, bias] for token, bias in words.biases(key, 3.0).items()]
    direct = text_of(post(model.base_url, path, {**_ROUTES[path], "logit_bias": biases}))
    assert text_of(post(process.url, path, _ROUTES[path])) == direct != ""
    assert text_of(post(model.base_url, path, _ROUTES[path])) != direct


def test_the_key_of_a_marked_text_stands_out(marking: tuple[GatewayProcess, Path]) -> None:
    process, home = marking
    words = load_bundle(home / "policies").vocabularies["words"]
    ring = kept_ring(home / "ring.json")
    body = {"messages": ASK, "max_tokens": 300, "temperature": 1, "ignore_eos": True}
    texts = [
        text_of(post(process.url, "/v1/chat/completions", {**body, "seed": seed}, "sk-marked"))
        for seed in range(6)
    ]
    evidence = GreenEvidence(words, texts)
    own = evidence.score(key_of(ring, "sk-marked"))
    # An honest text comes so far for one key in a hundred.
    assert evidence.p(own) < 0.01
    assert process.records("sk-marked", 6)[0]["applied"] == ["log", "watermark"]

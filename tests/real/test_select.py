"""Marking by choosing on a real engine: it gives several answers, and the client gets one of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.processes import run_gateway
from tests.real.model_server import ModelServer
from tests.real.test_watermark import _LADDER, _WORDS, ASK, post, text_of

LADDER = _LADDER.replace(
    "watermark: {tokens: words, engine: llamacpp, strength: 3}", "select: {tokens: words, of: 3}"
)
BODY = {"messages": ASK, "max_tokens": 60, "temperature": 1, "seed": 5}


def test_of_several_answers_of_the_engine_the_client_gets_one(model: ModelServer, tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    words = {word: {"id": place, "count": 100 - place} for place, word in enumerate(_WORDS)}
    vocabulary = {"kind": "vocabulary", "id": "words", "title": "Words", "models": ["*"], "words": words}
    (policies / "test.yaml").write_text(f"---\n{json.dumps(vocabulary)}\n{LADDER}")
    more: dict[str, Any] = {
        "policies": {"allow_actions": ["select"]},
        "marks": {"key_ring": str(tmp_path / "ring.json")},
    }
    with run_gateway(tmp_path / "run", model.base_url, "enforce", policies, more=more) as gateway:
        got = post(gateway.url, "/v1/chat/completions", BODY)
        (record,) = gateway.records("sk-river", 1)
    (choice,) = got["choices"]
    assert choice["index"] == 0
    assert text_of(choice)
    assert record["applied"] == ["log", "select"]
    assert len(post(model.base_url, "/v1/chat/completions", {**BODY, "n": 3})["choices"]) == 3

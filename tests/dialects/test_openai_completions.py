"""Legacy completion requests: many prompts in one, and logprobs as a number."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects import get
from gateway.model import Call, Route, Turn

ROUTE = Route("openai_completions", "completions", "/v1/completions")


def _read(**body: Any) -> Call:
    return get("openai_completions").read(body, ROUTE, 1)


@pytest.mark.parametrize(
    ("prompt", "count", "texts"),
    [
        ("a", 1, ["a"]),
        (["a", "b"], 2, ["a", "b"]),
        ([1, 2], 1, []),
        ([[1], [2], [3]], 3, []),
        (None, 1, []),
    ],
)
def test_prompts_fan_out(prompt: Any, count: int, texts: list[str]) -> None:
    call = _read(prompt=prompt)
    assert call.prompts == count
    assert [turn.text for turn in call.turns] == texts
    assert call.messages == 0


def test_the_suffix_is_text_and_embedded_prompts_count() -> None:
    call = _read(prompt="a", suffix="b", prompt_embeds=["x", "y"], safety_identifier="u")
    assert call.turns == (Turn("user", "a"), Turn("user", "b"))
    assert (call.prompts, call.end_user) == (3, "u")
    assert _read(prompt_embeds="x").prompts == 1


def test_logprobs_zero_still_returns_the_sampled_tokens() -> None:
    assert _read(logprobs=0).parameters.logprobs is True
    assert _read(logprobs=5).parameters.top_logprobs == 5
    assert _read().parameters.logprobs is False

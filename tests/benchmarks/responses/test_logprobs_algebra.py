"""The rank of logits is the model's width, through noise that is too small and not through enough of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.responses.logprobs_algebra import image, ranks, residual, sampled, width


def logits(hidden: int, seed: int = 0, prompts: int = 90, tokens: int = 120) -> Any:
    chance = np.random.default_rng(seed)
    return chance.normal(size=(prompts, hidden)) @ chance.normal(size=(hidden, tokens))


@given(st.integers(10, 60), st.integers(0, 2**32 - 1))
def test_the_width_is_found_from_logits_and_from_log_probabilities(hidden: int, seed: int) -> None:
    raw = logits(hidden, seed)
    assert width(raw).found == hidden
    assert width(raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))).found == hidden


def test_rounding_hides_nothing_and_large_noise_everything() -> None:
    raw = logits(24)
    assert width(raw.round(2)).found == 24
    assert width(raw + np.random.default_rng(1).normal(0, 5, raw.shape)).found is None


def test_rows_that_are_not_whole_are_left_out_and_too_few_tell_nothing() -> None:
    raw = logits(24)
    raw[::3, 5] = np.nan
    assert width(raw).found == 24
    raw[10:, 7] = np.nan
    assert width(raw).found is None
    assert width(np.full((50, 50), np.nan)).found is None


def test_a_vector_of_the_same_model_lies_in_its_image_and_a_strangers_does_not() -> None:
    raw = logits(24)
    space = image(raw[:60], 24)
    assert residual(space, raw[80]) < 1e-9
    assert residual(space, logits(24, 7)[80]) > 0.5


def test_ranks_keep_the_order_and_nothing_else() -> None:
    raw = logits(24)
    assert (ranks(raw).argsort(axis=1) == raw.argsort(axis=1)).all()
    assert ranks(raw) == pytest.approx(ranks(np.exp(raw / 10)))


def test_samples_come_near_with_their_number() -> None:
    raw = logits(24) / 10
    true = raw - raw[:, [3]]
    few, many = (np.abs(sampled(raw, 3, draws, 1.0, 1) - true).mean() for draws in (20, 20_000))
    assert many < 0.05 < few

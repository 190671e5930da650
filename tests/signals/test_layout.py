"""Vectors of requests: the same for the same layout in any language, short, and made of whatever comes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fields import Facts
from gateway.model import Call, Client, Parameters, Principal, Turn
from gateway.signals.layout import HASHED, SIGNS, WIDTH, layout, vector
from tests.signals.support import CHAT


def made(text: str, system: str = "", **parameters: object) -> list[float]:
    turns = (*((Turn("system", system),) if system else ()), Turn("user", text))
    call = Call(CHAT, turns=turns, parameters=Parameters(**parameters))  # type: ignore[arg-type]
    return vector(Facts(call, Principal("p"), Client(), 0.0, turns))


@pytest.mark.parametrize(
    "text",
    [
        "Hello, how are you? I have 20 apples.",
        "你好，你好吗？我有20个苹果。",  # noqa: RUF001  full-width marks are the point
        "مرحبا، كيف حالك؟ لدي 20 تفاحة.",
        "Привет, как дела? У меня 20 яблок.",  # noqa: RUF001  Cyrillic letters, too
    ],
)
def test_the_layout_is_the_same_in_every_language(text: str) -> None:
    assert layout(text) == "w,w?w9w."


def test_lines_marks_and_lists_are_what_differs() -> None:
    assert layout("1. One thing\n\n2. Another (big) thing\n") == "9.w\n9.w(w)w\n"


@given(st.text(max_size=3000), st.text(max_size=100))
def test_whatever_is_sent_has_a_vector_of_bounded_numbers(text: str, system: str) -> None:
    found = made(text, system)
    assert len(found) == WIDTH
    assert all(math.isfinite(value) for value in found)
    assert sum(value * value for value in found[:HASHED]) == pytest.approx(1.0, abs=1e-6) or not any(
        found[:HASHED]
    )
    assert len(layout(text)) <= SIGNS


def test_parameters_count_beside_the_text() -> None:
    plain, other = made("Why?"), made("Why?", n=4, logprobs=True, tools=2, max_tokens=5, temperature=0.5)
    assert plain[:HASHED] == other[:HASHED]
    assert sum(a != b for a, b in zip(plain, other, strict=True)) == 5

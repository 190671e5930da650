"""Public templates: whatever is filled in, all that two prompts share of a template is in its pieces."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.campaigns.operations import Frame
from gateway.corpora import Corpus, Origin, build
from gateway.signals.frames import frame
from gateway.signals.templates import SLOT, STATEMENT, pieces, remainder
from tests.campaigns.support import words

TEMPLATES = [
    "Use what the guest wrote to answer: {text}",
    "{context}\n\nSay in one sentence what this page of the guide is about.",
    "Context: {context}\nQuestion: {question}\nHelpful answer in the words of the guide:",
    "{% if notes %}Notes of the night: {{ notes }}{% endif %}\nWrite a letter to the guest $name, please.",
    "{question} Antworte in ganzen Sätzen, und nur über unser Haus!",
    "请根据下面的住宿指南回答客人的问题。{question}",
    "Give the rating as JSON, for the stay of {guest}: {{'stars': 4, 'reason': 'quiet'}}",
    f"{'Extraordinarily comprehensive recommendations, ' * 4}{{x}}{' straightforward considerations' * 5}",
    f"---------- GUIDE ---------- ========== {'be brief and polite ' * 9} {{x}}",
    "Be kind to every single guest of the house, and never raise your voice.\n\n{letter}",
]
"""Each begins, ends or has its slots in another way."""
LITERAL = st.lists(st.text(alphabet="abcd", min_size=1, max_size=6), max_size=30).map(" ".join)
LETTERS: tuple[dict[int, int], ...] = ({}, str.maketrans("klmno", "pqrst"))
"""Contents, and others of which no word is the same."""
SLOTS = ["{x}", "{{ x }}", "${x}", "$x", "{% if x %}", "{# a note #}"]


def pack(*templates: str) -> Corpus:
    return build(Origin("t", "t", "MIT", "-", 0, "frames"), templates, pieces, common=None)


def filled(template: str, content: str) -> str:
    return SLOT.sub(lambda _: content, STATEMENT.sub("", template))


def chinese(source: random.Random, count: int) -> str:
    """Signs that nobody puts together twice."""
    return "".join(chr(source.randrange(0x5000, 0x9000)) for _ in range(count))


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("length", [1, 3, 14, 60])
@pytest.mark.parametrize("write", [words, chinese])
def test_two_who_share_a_template_share_nothing_without_it(
    template: str, length: int, write: Callable[[random.Random, int], str]
) -> None:
    source = random.Random(length)
    one, other = (frame(filled(template, write(source, length))) for _ in range(2))
    left = [set(remainder(each, pack(template)).pieces) for each in (one, other)]
    assert not left[0] & left[1]


@pytest.mark.parametrize("template", TEMPLATES)
def test_two_who_share_a_template_share_pieces_with_it(template: str) -> None:
    source = random.Random(1)
    one, other = (set(frame(filled(template, words(source, 14))).pieces) for _ in range(2))
    assert one & other


@given(
    st.lists(LITERAL, min_size=1, max_size=4),
    st.sampled_from(SLOTS),
    st.lists(st.text(alphabet="klmno", min_size=1, max_size=6), min_size=1, max_size=40),
)
def test_whatever_a_template_looks_like_only_what_holds_contents_is_left(
    literals: list[str], slot: str, content: list[str]
) -> None:
    template = f" {slot} ".join(literals)
    one, other = (frame(filled(template, " ".join(content).translate(by))) for by in LETTERS)
    shared = set(one.pieces) & set(other.pieces)
    assert not shared & set(remainder(one, pack(template, "a b c d")).pieces)


def test_a_frame_in_other_words_stays_whole() -> None:
    other = frame("Tell me what the weather is going to be like at the lake tomorrow")
    assert remainder(other, pack(*TEMPLATES)) is other


def test_the_words_inside_a_frame_stay() -> None:
    found = frame(filled(TEMPLATES[0], "nothing to report from the second floor"))
    left = remainder(found, pack(TEMPLATES[0]))
    assert left == Frame(left.pieces, found.words, found.long)
    assert set(left.pieces) < set(found.pieces)


def test_what_is_too_short_has_no_pieces() -> None:
    assert pieces("") == pieces("{% if note %}") - pieces("if note") == set()
    assert pieces("{} - {}") == set()


def test_only_the_outer_words_of_a_long_template_are_taken() -> None:
    source = random.Random(2)
    begin, middle, end = (words(source, 24) for _ in range(3))
    assert pieces(f"{begin} {words(source, 400)} {end}") == pieces(
        f"{begin} {middle} {words(source, 99)} {end}"
    )


def test_the_hashes_of_pieces_are_those_that_packs_were_made_with() -> None:
    """They come from the interpreter: with others, `gateway.corpora.FORMS` has to say another number."""
    assert sorted(pieces("Use what the guest wrote"))[:2] == [4109856627447050748, 4316508568036351920]

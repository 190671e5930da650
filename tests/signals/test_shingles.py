"""A prompt's words and the sample of its shingles: the same for the same words, and bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.signals.shingles import SAMPLE, sample, tokens


def _sample(text: str) -> tuple[int, ...]:
    return sample(tokens(text))


def test_numbers_count_alike_and_letter_case_does_not_matter() -> None:
    assert _sample("Add 12 and 345 to x") == _sample("add 7 AND 8 to X")


@given(st.text("abcXYZ 019_'-.,\n", max_size=80))
def test_the_fast_path_for_ascii_finds_the_same_words(text: str) -> None:
    assert tokens(text) == tokens(f"{text} ééééé")[:-1]


def test_a_few_accents_do_not_leave_the_fast_path() -> None:
    assert tokens("a café in the old town by the river, and a very long walk") != []
    assert tokens("plain words " * 20 + "café")[:2] == [b"plain", b"words"]


def test_scripts_without_spaces_are_read_by_character() -> None:
    assert tokens("推理3过程") == ["推".encode(), "理".encode(), b"0", "过".encode(), "程".encode()]


def test_half_a_surrogate_pair_is_a_word_like_another() -> None:
    assert len(_sample("\ud800 ж ж")) >= 3


def test_no_words_give_no_sample_and_one_word_is_its_own_shingle() -> None:
    assert _sample("") == ()
    assert len(set(_sample("word"))) == 1
    assert len(_sample("two words")) == 3


def test_the_ends_stand_first_and_the_sample_is_bounded() -> None:
    text = " ".join(f"w{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(500))
    words = tokens(text)
    found = sample(words)
    assert len(found) == SAMPLE + 2
    assert found[0] == sample(words[:3])[0]
    assert found[1] == sample(words[-3:])[0]


def test_prompts_that_share_most_words_share_most_of_the_sample() -> None:
    words = tokens(" ".join(f"{a}{b}" for a in "abcdefgh" for b in "klmnopqrst"))
    one, other = set(sample(words)), set(sample([*words, b"and", b"more"]))
    assert len(one & other) > 0.8 * len(one)

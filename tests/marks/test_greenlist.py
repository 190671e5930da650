"""Green lists: fair coins, moved odds, and a p-value that is what it says."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.marks.greenlist import GreenEvidence, Vocabulary, Word

NAMES = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=3)]


def vocabulary(size: int, count: int = 10) -> Vocabulary:
    return Vocabulary(Word(name, 1000 + place, count) for place, name in enumerate(NAMES[:size]))


WORDS = vocabulary(200)
KEYS = [f"key {number}".encode() for number in range(2000)]


def text(words: list[str]) -> str:
    return " ".join(["so", *words])


def marked(key: bytes, size: int, lean: float, seed: int = 1) -> str:
    """A text of random words that takes the preferred one of each pair with this probability."""
    source = random.Random(seed)
    coins = WORDS.coins(key)
    drawn = source.choices(range(len(WORDS.pairs)), k=size)
    return text([WORDS.pairs[at][coins[at] ^ (source.random() > lean)].text for at in drawn])


def test_words_pair_up_by_how_common_they_are() -> None:
    made = Vocabulary(
        [Word("rare", 1, 1), Word("x", 2, 5), Word("y", 3, 5), Word("the", 4, 9), Word("z", 5, 0)]
    )
    assert [[word.text for word in pair] for pair in made.pairs] == [["the", "x"], ["y", "rare"]]


@pytest.mark.parametrize("twice", [Word("a", 2, 1), Word("b", 1, 1)])
def test_no_word_and_no_token_comes_twice(twice: Word) -> None:
    with pytest.raises(ValueError, match="comes twice"):
        Vocabulary([Word("a", 1, 1), twice])


def test_each_pair_has_one_biased_token_up_and_down_in_turn() -> None:
    for key in KEYS[:50]:
        biases = WORDS.biases(key, 1.5)
        assert len(biases) == len(WORDS.pairs)
        for place, (pair, coin, (token, bias)) in enumerate(
            zip(WORDS.pairs, WORDS.coins(key), biases.items(), strict=True)
        ):
            assert bias == (-1.5 if place % 2 else 1.5)
            # Whichever way, the word that the key prefers gains 1.5 logits on the other.
            assert (token == pair[coin].token) == (bias > 0)
            assert token in {word.token for word in pair}


def test_coins_are_fair_and_of_the_key_and_of_the_words() -> None:
    heads = sum(sum(WORDS.coins(key)) for key in KEYS)
    assert abs(heads - 100_000) < 4 * 200_000**0.5 / 2
    assert WORDS.coins(b"a") == WORDS.coins(b"a") != WORDS.coins(b"b")
    others = vocabulary(200, 11)
    assert others.coins(b"a") == WORDS.coins(b"a"), "counts may be taken anew"
    assert vocabulary(198).coins(b"a") != WORDS.coins(b"a")[:99]


@given(st.lists(st.sampled_from(NAMES[:16]), max_size=60), st.integers(0, 4000))
def test_the_p_value_is_the_share_of_all_choices_that_score_as_high(words: list[str], seed: int) -> None:
    class Chosen(Vocabulary):
        """Coins are what the key says, so that every choice can be tried."""

        def coins(self, key: bytes) -> list[int]:
            return list(key)

    small = Chosen(Word(name, place, 3 + place % 5) for place, name in enumerate(NAMES[:16]))
    evidence = GreenEvidence(small, [text(words)])
    scores = [evidence.score(bytes(coins)) for coins in itertools.product((0, 1), repeat=8)]
    own = scores[seed % len(scores)]
    assert evidence.p(own) == pytest.approx(sum(score >= own for score in scores) / len(scores))
    assert evidence.p(max(scores) + 1) == 0.0
    assert evidence.p(min(scores)) == 1.0
    assert sum(scores) == 0


def test_repeating_a_text_accuses_nobody() -> None:
    # A text says the same thing a thousand times: independent draws would be an overwhelming excess.
    evidence = GreenEvidence(WORDS, [text(NAMES[:9])] * 1000)
    p = [evidence.p(evidence.score(key)) for key in KEYS]
    assert sum(one <= 0.05 for one in p) <= 0.07 * len(KEYS)
    assert min(p) >= 2.0**-9


def test_unmarked_texts_accuse_at_the_nominal_rate() -> None:
    hits = dict.fromkeys((0.1, 0.01, 0.001), 0)
    for seed in range(50):
        evidence = GreenEvidence(WORDS, [marked(KEYS[0], 400, 0.5, seed)])
        p = [evidence.p(evidence.score(key)) for key in KEYS[:400]]
        for level in hits:
            hits[level] += sum(one <= level for one in p)
    for level, found in hits.items():
        expected = 20_000 * level
        assert abs(found - expected) < 5 * expected**0.5


def test_the_key_that_marked_a_text_stands_out_of_all_others() -> None:
    evidence = GreenEvidence(WORDS, [marked(KEYS[7], 800, 0.7)])
    scores = {key: evidence.score(key) for key in KEYS}
    assert max(scores, key=scores.__getitem__) == KEYS[7]
    assert evidence.p(scores[KEYS[7]]) < 1e-6


def test_a_word_counts_where_a_tokenizer_makes_it_one_token() -> None:
    small = Vocabulary([Word("it", 1, 5), Word("on", 2, 5)])
    counted = {"it on": 1, " it on": 2, " it's on, (it) it\nit onward on1 It _on": 3, "": 0}
    assert {said: GreenEvidence(small, [said]).words for said in counted} == counted


def test_more_text_reaches_further_and_stronger_marks_too() -> None:
    short, long = (GreenEvidence(WORDS, [marked(b"", size, 0.5)]) for size in (10, 2000))
    assert 1 > short.reach(0.1) > long.reach(0.1) > long.reach(0.2)
    assert GreenEvidence(WORDS, [""]).reach(4.0) == 1.0


def test_the_counts_of_the_reference_are_the_neutral_point() -> None:
    uneven = Vocabulary([Word("it", 1, 3000), Word("on", 2, 1000)])
    key = next(key for key in KEYS if uneven.coins(key) == [1])
    as_usual = text(["it"] * 30 + ["on"] * 10)
    assert GreenEvidence(uneven, [as_usual]).score(key) == 0
    assert GreenEvidence(uneven, [text(["it"] * 10 + ["on"] * 10)]).score(key) > 0

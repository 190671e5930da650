"""Choosing the words of a vocabulary, and the document that they make."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError
from gateway.policies.compile import vocabularies
from gateway.policies.problems import Problems
from gateway.strict_yaml import parse
from gateway.wordlist import NEVER, choose, in_file, lines


def token(text: str) -> int | None:
    """Words of up to five letters are one token."""
    return int.from_bytes(text.encode()) if len(text) <= 6 else None


def chosen(texts: Iterable[str], size: int = 10, skip: Iterable[str] = ()) -> list[tuple[str, int]]:
    return [(word.text, word.count) for word in choose(texts, token, size, skip)]


def test_the_commonest_words_of_one_token_are_taken_in_an_even_number() -> None:
    texts = ["so the the the to to of of sometimes sometimes", "a the by"]
    assert chosen(texts) == [("the", 4), ("of", 2)], "`to` is the odd one, `by` comes once, `so` opens a line"
    assert chosen([*texts, ". by"]) == [("the", 4), ("by", 2), ("of", 2), ("to", 2)]
    assert chosen([*texts, ". by"], size=2) == [("the", 4), ("by", 2)]
    assert chosen([]) == []


def test_words_that_turn_a_sentence_round_are_never_taken() -> None:
    assert {"not", "without", "two", "more", "false"} <= NEVER
    assert chosen([". not Not the the to to of of"] * 2, skip=["The", "in"]) == [("of", 4), ("to", 4)]


def test_names_are_no_choice_of_style() -> None:
    texts = [". Paris Paris The The the the the to to of of Of Of Of"]
    assert dict(chosen(texts)) == {"the": 3, "The": 2, "of": 2, "to": 2} | dict(chosen(texts))
    assert "Paris" not in dict(chosen(texts))
    assert "Of" not in dict(chosen(texts))


def test_the_document_is_a_vocabulary_whatever_the_words() -> None:
    texts = [". on on yes yes null null né né 'tis it's it's it"]
    words = choose(texts, token, 10)
    assert {word.text for word in words} == {"on", "null", "né", "it"}
    document = "".join(lines("house", ["m-*", 'x"y'], words))
    problems = Problems()
    made = vocabularies(parse(document.encode(), "house.yaml"), problems)["house"]
    assert problems.found == []
    assert made.models == ("m-*", 'x"y')
    assert {word for pair in made.pairs for word in pair} == set(words)


_VOCABULARIES: list[tuple[Any, int | None]] = [
    ({"\u0120the": 5, "the": 6}, 5),
    ({"\u2581the": 7}, 7),
    ({"the": 6}, None),
    ([["<s>", 0.0], ["\u2581the", -1.5]], 1),
]


@pytest.mark.parametrize(("vocabulary", "expected"), _VOCABULARIES)
def test_a_tokenizer_file_says_which_token_a_word_is(
    tmp_path: Path, vocabulary: Any, expected: int | None
) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": {"vocab": vocabulary}}))
    assert in_file(path)(" the") == expected


def test_a_file_that_is_no_tokenizer_is_told(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        in_file(path)
    for content in ("{", "[]", '{"model": {}}', '{"model": {"vocab": 5}}', '{"model": {"vocab": [5]}}'):
        path.write_text(content)
        with pytest.raises(ConfigError, match=r"no tokenizer\.json with a vocabulary"):
            in_file(path)
